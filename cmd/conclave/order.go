package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/alecthomas/kong"

	"conclave/store"
)

// auditing says what a command has to do with the audit. It is the tag `audit` of each command and, where one of its flags makes
// it another matter, of that flag.
type auditing string

const (
	// auditNo: it changes nothing that is kept, and shows no secret; or it is the server itself.
	auditNo auditing = "no"
	// auditChange: its line is written in the transaction of what it changes, or by the server that it gives an order to.
	auditChange auditing = "change"
	// auditBefore: its line is written before it does anything, for what it does is in no transaction. Where the line cannot be
	// written nothing is done.
	auditBefore auditing = "before"
	// auditRescue is auditBefore for what has to be possible on a full disk: then the line is written afterwards.
	auditRescue auditing = "rescue"
	// auditSecret is for flags whose value never is in a line.
	auditSecret auditing = "secret"
)

// auditTag is what the tag says; empty where there is none.
func auditTag(tag *kong.Tag) auditing { return auditing(tag.Get("audit")) }

// ordering is a command line as the audit sees it.
type ordering struct {
	auditing
	order    *store.Order // nil: auditNo
	secrets  []string     // that may not be in a reason either
	answered atomic.Bool  // by the server, which has written its own line
}

// orderOf reads what the audit has to know of a command line.
func orderOf(command *kong.Context, args []string) *ordering {
	selected := command.Selected()
	if selected == nil {
		return &ordering{auditing: auditNo}
	}
	o := &ordering{auditing: auditTag(selected.Tag)}
	for _, step := range command.Path {
		if step.Flag == nil {
			continue
		}
		switch tag := auditTag(step.Flag.Tag); tag {
		case "":
		case auditSecret:
			o.secrets = append(o.secrets, valueText(step.Flag.Value))
		default:
			o.auditing = tag
		}
	}
	if o.auditing == auditNo {
		return o
	}
	kind, subject := orderSubject(command)
	o.order = newOrder(orderWords(args, secretFlags(selected)), kind, subject)
	return o
}

// newOrder is an order of who runs this program.
func newOrder(command, kind, subject string) *store.Order {
	uid := uint32(os.Getuid())
	return store.NewOrder(store.AuditLine{UID: uid, User: loginName(uid), SudoUser: os.Getenv("SUDO_USER"), Door: store.DoorCommand,
		Command: command, Kind: kind, Subject: subject})
}

// valueText is what was given for a flag or an argument.
func valueText(v *kong.Value) string {
	value := v.Target
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
	}
	return fmt.Sprint(value.Interface())
}

func secretFlags(node *kong.Node) []string {
	var names []string
	for _, flag := range node.Flags {
		if auditTag(flag.Tag) == auditSecret {
			names = append(names, "--"+flag.Name)
		}
	}
	return names
}

// secretOption is a word that gives a secret to something that is no flag for it, as in -o pin=1234.
var secretOption = regexp.MustCompile(`(?i)^((?:-o|--option=)?[a-z_.-]*(?:pin|password|secret)[a-z_.-]*=).+`)

const hiddenWord = "***"

// orderWords is a command line to be read by people, without secrets and where the data are.
func orderWords(args, secret []string) string {
	var words []string
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		switch {
		case name == "--data" || name == "--key-file":
			if !joined {
				i++
			}
		case slices.Contains(secret, name) && joined:
			words = append(words, name+"="+hiddenWord)
		case slices.Contains(secret, name):
			words = append(words, name, hiddenWord)
			i++
		default:
			words = append(words, quoteWord(secretOption.ReplaceAllString(args[i], "${1}"+hiddenWord)))
		}
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[\pL\pN_@%+=:,./*#!?-]+$`)

// quoteWord writes a word as a shell would have it typed, where that is not as it is.
func quoteWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// orderSubject is what a command is about: the room or phone whose number is given, else the first argument of a group that has
// a name for what it is about.
func orderSubject(command *kong.Context) (kind, subject string) {
	groups := map[string]string{"trunk": "trunk", "menu": "menu", "voice": "voice", "music": "playlist", "recordings": "recording"}
	group := ""
	for _, step := range command.Path {
		var value *kong.Value
		switch {
		case step.Command != nil && group == "":
			group = step.Command.Name
		case step.Positional != nil:
			value = step.Positional
		case step.Flag != nil:
			value = step.Flag.Value
		}
		if value == nil {
			continue
		}
		number := strings.HasSuffix(value.Target.Type().String(), ".extension")
		switch {
		case number && group == "phone":
			return "phone", valueText(value)
		case number:
			return "room", valueText(value)
		case step.Positional != nil && subject == "" && groups[group] != "":
			kind, subject = groups[group], strings.Trim(valueText(value), "[]")
		}
	}
	return kind, subject
}

type orderKey struct{}

// within has the order known to whatever changes something in ctx.
func (o *ordering) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, orderKey{}, o)
}

// orderIn is the order by which something is changed in ctx; nil: none.
func orderIn(ctx context.Context) *store.Order {
	if o, _ := ctx.Value(orderKey{}).(*ordering); o != nil {
		return o.order
	}
	return nil
}

// toldServer notes that a server was given the order of ctx.
func toldServer(ctx context.Context) {
	if o, _ := ctx.Value(orderKey{}).(*ordering); o != nil {
		o.answered.Store(true)
	}
}
