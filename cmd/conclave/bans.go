package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"conclave/rooms"
)

// bansCmd is about who has failed too often, at PINs or at passwords.
type bansCmd struct {
	List  bansListCmd  `cmd:"" audit:"no" help:"List who has failed too often, and until when that counts."`
	Clear bansClearCmd `cmd:"" audit:"change" help:"Forget the failures of somebody, or of all."`
}

type bansListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *bansListCmd) Run(ctx context.Context, data dataDir) error {
	var bans []rooms.Ban
	err := newClient(data).call(ctx, http.MethodGet, "/v1/bans", &bans)
	if errors.Is(err, errNoServer) {
		err = withGuard(ctx, data, func(guard *rooms.PINGuard) error {
			bans = guard.Bans()
			return nil
		})
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(bans)
	}
	if len(bans) == 0 {
		fmt.Println("nobody has failed too often")
		return nil
	}
	table := newTable(os.Stdout, "WHO", "MEANS", "FAILURES", "UNTIL")
	for _, b := range bans {
		row(table, b.Who, b.What, strconv.Itoa(b.Failures), b.Until.Local().Format(time.DateTime))
	}
	return table.Flush()
}

type bansClearCmd struct {
	Who []string `arg:"" optional:"" help:"Who, as conclave bans list has it; all, if nobody is named."`
}

func (c *bansClearCmd) Run(ctx context.Context, data dataDir) error {
	who := strings.Join(c.Who, " ")
	var cleared changed
	err := newClient(data).call(ctx, http.MethodDelete, "/v1/bans?who="+url.QueryEscape(who), &cleared)
	if errors.Is(err, errNoServer) {
		err = withGuard(ctx, data, func(guard *rooms.PINGuard) error {
			var err error
			cleared.Changed, err = guard.Clear(ctx, who)
			return err
		})
	}
	if err != nil {
		return err
	}
	if cleared.Changed == 0 && who != "" {
		return fmt.Errorf("clear %s: nobody of that name has failed; `conclave bans list` tells who has", printable(who))
	}
	fmt.Printf("%d cleared\n", cleared.Changed)
	return nil
}

// withGuard has something done with what is stored, where no server runs.
func withGuard(ctx context.Context, data dataDir, do func(*rooms.PINGuard) error) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	guard, err := rooms.NewPINGuard(ctx, db, nil, nil)
	if err != nil {
		return err
	}
	defer guard.Close()
	return do(guard)
}

// routeBans adds what operators ask and order about bans.
func (c *control) routeBans(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/bans", func(w http.ResponseWriter, r *http.Request) {
		reply(w, slices.Concat(c.pins.Bans(), c.sip.Bans()), nil)
	})
	mux.HandleFunc("DELETE /v1/bans", func(w http.ResponseWriter, r *http.Request) {
		who := r.URL.Query().Get("who")
		n, err := c.pins.Clear(r.Context(), who)
		reply(w, changed{n + c.sip.ClearBans(who)}, err)
	})
}
