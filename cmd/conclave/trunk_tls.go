package main

import (
	"path/filepath"

	"conclave/store"
)

// trunkTLSFlags are how a trunk speaks TLS, in add and set. What is not given stays as it is.
type trunkTLSFlags struct {
	TLSCA         *string `name:"tls-ca" placeholder:"FILE" help:"Certificates, PEM, one of which has to have signed the peer's; empty: those that this machine trusts."`
	TLSClientCert *string `name:"tls-client-cert" placeholder:"FILE" help:"Our certificate, PEM, should the peer ask for it; empty: none."`
	TLSClientKey  *string `name:"tls-client-key" placeholder:"FILE" help:"Its key, PEM."`
}

// apply changes what is given. The files are named as seen from anywhere, because the server reads them.
func (f trunkTLSFlags) apply(files store.TrunkTLS) store.TrunkTLS {
	for given, field := range map[*string]*string{f.TLSCA: &files.CA, f.TLSClientCert: &files.Certificate, f.TLSClientKey: &files.Key} {
		if given == nil {
			continue
		}
		*field = *given
		if path, err := filepath.Abs(*given); err == nil && *given != "" {
			*field = path
		}
	}
	return files
}
