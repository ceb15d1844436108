package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"conclave/sip"
	"conclave/store"
)

// phoneCmd configures phones: it writes the database, whether or not a server runs, and then tells the server.
type phoneCmd struct {
	Add  phoneAddCmd  `cmd:"" audit:"change" help:"Add a phone; its password is generated and printed once, unless one is given."`
	List phoneListCmd `cmd:"" audit:"no" help:"List all phones, and where they have registered."`
	Show phoneShowCmd `cmd:"" audit:"no" help:"Show a phone."`
	Set  phoneSetCmd  `cmd:"" audit:"change" help:"Change what is given of a phone."`
	Rm   phoneRmCmd   `cmd:"" audit:"change" help:"Remove a phone; a call that it has goes on."`
}

type phoneAddCmd struct {
	Ext      extension      `arg:"" help:"Number of the phone, and its user name."`
	Name     string         `required:"" help:"Name of the phone."`
	Password passwordSource `placeholder:"-|generated" default:"generated" help:"Read the password from standard input (-), or generate one (${default})."`
	NoAnswer ringTime       `name:"no-answer" placeholder:"SECONDS" default:"default" help:"How long it rings, 5 to 300, or ${default}: as long as serve --ring-time says."`
	outsideArgs
}

func (c *phoneAddCmd) Run(ctx context.Context, data dataDir) error {
	if err := checkName(c.Name); err != nil {
		return fmt.Errorf("add phone %s: %w", c.Ext, err)
	}
	password, err := c.Password.read(os.Stdin)
	if err != nil {
		return fmt.Errorf("add phone %s: %w", c.Ext, err)
	}
	outside := store.Outside{AtOnce: store.PhoneOutsideAtOnce, PerDay: store.PhoneOutsidePerDay}
	if err := c.applyOutside(&outside); err != nil {
		return fmt.Errorf("add phone %s: %w", c.Ext, err)
	}
	digests := sip.DigestsOf(string(c.Ext), password)
	if err := data.create(); err != nil {
		return err
	}
	db, err := data.openOrCreate(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.AddPhone(ctx, store.Phone{
		Extension: string(c.Ext),
		Name:      c.Name,
		MD5:       digests.MD5,
		SHA256:    digests.SHA256,
		Outside:   outside,
		RingTime:  c.NoAnswer.duration(),
	})
	if err != nil {
		return err
	}
	if c.Password == generated {
		fmt.Printf("phone %s added, password %s\n", c.Ext, password)
	} else {
		fmt.Printf("phone %s added\n", c.Ext)
	}
	return reload(ctx, data, "phones")
}

type phoneListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *phoneListCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	phones, err := db.Phones(ctx)
	if err != nil {
		return err
	}
	views, err := viewPhones(ctx, data, phones)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(views)
	}
	table := newTable(os.Stdout, "EXTENSION", "NAME", "REGISTERED", "USER AGENT", "EXPIRES", "ROUND TRIP", "DIALS OUT")
	for _, v := range views {
		extension, name, dialOut := v.Extension, v.Name, v.text()
		for _, r := range v.places() {
			row(table, extension, name, r.place, r.agent, r.expires, r.trip, dialOut)
			extension, name, dialOut = "", "", ""
		}
	}
	return table.Flush()
}

type phoneShowCmd struct {
	Ext  extension `arg:"" help:"Number of the phone."`
	JSON bool      `name:"json" help:"Print JSON."`
}

func (c *phoneShowCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	phone, err := db.Phone(ctx, string(c.Ext))
	if err != nil {
		return err
	}
	views, err := viewPhones(ctx, data, []store.Phone{phone})
	if err != nil {
		return err
	}
	v := views[0]
	if c.JSON {
		return printJSON(v)
	}
	table := newTable(os.Stdout, "extension", v.Extension)
	row(table, "name", v.Name)
	row(table, "dials out", v.text())
	row(table, "out calls", v.limits())
	rings := "as long as serve --ring-time says"
	if v.NoAnswer > 0 {
		rings = (time.Duration(v.NoAnswer) * time.Second).String()
	}
	row(table, "rings for", rings)
	row(table, "created", v.Created.Local().Format(time.DateTime))
	row(table, "changed", v.Changed.Local().Format(time.DateTime))
	heading := "registered"
	for _, r := range v.places() {
		row(table, heading, r.text())
		heading = ""
	}
	return table.Flush()
}

type phoneSetCmd struct {
	Ext      extension       `arg:"" help:"Number of the phone."`
	Name     *string         `help:"New name."`
	Password *passwordSource `placeholder:"-|generated" help:"Read a new password from standard input (-), or generate one. Where the phone has registered with the old one it is called no more."`
	NoAnswer *ringTime       `name:"no-answer" placeholder:"SECONDS" help:"How long it rings, 5 to 300, or default: as long as serve --ring-time says."`
	outsideSetArgs
}

func (c *phoneSetCmd) Run(ctx context.Context, data dataDir) error {
	if c.Name == nil && c.Password == nil && c.NoAnswer == nil && !c.given() {
		return errors.New("nothing to set: give --name, --password, --no-answer, " + outsideFlags)
	}
	password := ""
	if c.Password != nil {
		var err error
		if password, err = c.Password.read(os.Stdin); err != nil {
			return fmt.Errorf("set phone %s: %w", c.Ext, err)
		}
	}
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.SetPhone(ctx, string(c.Ext), func(phone *store.Phone) error {
		if c.Name != nil {
			phone.Name = *c.Name
		}
		if c.Password != nil {
			digests := sip.DigestsOf(phone.Extension, password)
			phone.MD5, phone.SHA256 = digests.MD5, digests.SHA256
		}
		if c.NoAnswer != nil {
			phone.RingTime = c.NoAnswer.duration()
		}
		return errors.Join(checkName(phone.Name), c.applyOutside(&phone.Outside))
	})
	if err != nil {
		return err
	}
	if c.Password != nil && *c.Password == generated {
		fmt.Printf("phone %s changed, password %s\n", c.Ext, password)
	} else {
		fmt.Printf("phone %s changed\n", c.Ext)
	}
	return reload(ctx, data, "phones")
}

type phoneRmCmd struct {
	Ext extension `arg:"" help:"Number of the phone."`
}

func (c *phoneRmCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.RemovePhone(ctx, string(c.Ext)); err != nil {
		return err
	}
	fmt.Printf("phone %s removed\n", c.Ext)
	return reload(ctx, data, "phones")
}
