package main

import (
	"context"
	"log/slog"
	"net/http"

	"conclave/sip"
	"conclave/store"
)

// routePhones adds the orders about phones.
func (c *control) routePhones(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/phones", func(w http.ResponseWriter, r *http.Request) {
		reply(w, c.sip.Registrations(), nil)
	})
	mux.HandleFunc("POST /v1/phones/reload", func(w http.ResponseWriter, r *http.Request) {
		reply(w, struct{}{}, c.reloadPhones(r.Context()))
	})
}

// loadPhones makes the server know the phones of the database.
func loadPhones(ctx context.Context, db *store.DB, server *sip.Server, log *slog.Logger) error {
	phones, err := db.Phones(ctx)
	if err != nil {
		return err
	}
	server.SetPhones(phones)
	log.Info("phones loaded", "count", len(phones))
	return nil
}
