package main

import (
	"context"
	"errors"
	"fmt"

	"conclave/store"
)

// keyFile names the file of the key that secrets are sealed with; empty: it is beside the database.
type keyFile string

type keyFileKey struct{}

// within has it known to whatever opens a database in ctx.
func (k keyFile) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, keyFileKey{}, k)
}

// key is the setting by which the database of the directory is opened, or a copy of it that is elsewhere.
func (d dataDir) key(ctx context.Context) store.Option {
	if k, _ := ctx.Value(keyFileKey{}).(keyFile); k != "" {
		return store.WithKeyFile(string(k))
	}
	return store.WithKeyFile(store.KeyFile(d.database()))
}

// keyCmd is about the key that PINs and passwords are sealed with.
type keyCmd struct {
	Rotate keyRotateCmd `cmd:"" audit:"change" help:"Seal all with a new key, whether or not a server runs. Backups from before need the old one."`
}

type keyRotateCmd struct{}

func (keyRotateCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	id, n, err := db.RotateKey(ctx)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	fmt.Printf("%d secrets are sealed with the new key %s; backups from before need the old key file\n", n, id)
	return nil
}
