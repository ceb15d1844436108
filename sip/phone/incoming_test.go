package phone

import (
	"context"
	"errors"
	"testing"
	"time"

	"conclave/media/tone"

	sipgo "github.com/emiago/sipgo/sip"
)

// two are phones over UDP, and where the second can be called.
func two(t *testing.T) (anna, bert *Phone, at string) {
	t.Helper()
	phones := make([]*Phone, 2)
	for i := range phones {
		var err error
		if phones[i], err = New("udp", "127.0.0.1"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { phones[i].Close() })
	}
	return phones[0], phones[1], phones[1].udp.LocalAddr().String()
}

func TestIncomingCallIsAnswered(t *testing.T) {
	anna, bert, at := two(t)
	out, err := anna.Invite(at, "bert", Options{LoseACKs: 1})
	if err != nil {
		t.Fatal(err)
	}
	in, err := bert.Incoming(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Ring(); err != nil {
		t.Fatal(err)
	}
	call, err := in.Answer(t.Context(), Options{Codecs: []Codec{PCMA}})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Answered(t.Context()); err != nil {
		t.Fatal(err)
	}
	call.Say(Tone(440, -10))
	for end := time.Now().Add(10 * time.Second); ; {
		heard := out.Heard(200 * time.Millisecond)
		if level := tone.LevelAt(heard, clockRate, 440); level > -11 && level < -9 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("the tone is heard at %.1f dBFS, want -10", level)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
	<-out.Done()
	if got := out.Ending(); got != "BYE received" {
		t.Errorf("ended: %s", got)
	}
}

func TestIncomingCallIsRefusedOrCancelled(t *testing.T) {
	anna, bert, at := two(t)
	var refused *Refused
	out, err := anna.Invite(at, "bert", Options{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := bert.Incoming(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Refuse(302, "Moved Temporarily", sipgo.NewHeader("Contact", "<sip:x@y>")); err != nil {
		t.Error(err)
	}
	if err := out.Answered(t.Context()); !errors.As(err, &refused) || refused.Status() != 302 || refused.Response.Contact() == nil {
		t.Errorf("%v, want 302 with a Contact", err)
	}
	<-in.Acknowledged()

	if out, err = anna.Invite(at, "bert", Options{}); err != nil {
		t.Fatal(err)
	}
	if in, err = bert.Incoming(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := in.Ring(); err != nil {
		t.Error(err)
	}
	if err := out.Cancel(t.Context()); !errors.As(err, &refused) || refused.Status() != 487 {
		t.Errorf("%v, want 487", err)
	}
	<-in.Cancelled()
	<-in.Acknowledged()
	if in.CancelRequest() == nil {
		t.Error("the CANCEL is not kept")
	}
}

func TestForkAnswersUnderATagOfItsOwn(t *testing.T) {
	anna, bert, at := two(t)
	if _, err := anna.Invite(at, "bert", Options{}); err != nil {
		t.Fatal(err)
	}
	in, err := bert.Incoming(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fork := in.Fork()
	if fork.dialog.key() == in.dialog.key() {
		t.Error("both have the same tag")
	}
	if _, err := in.Answer(t.Context(), Options{}); err != nil {
		t.Fatal(err)
	}
	// This caller does not acknowledge the answer of a second phone.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := fork.Answer(ctx, Options{}); err == nil {
		t.Error("the ACK to one answer counts for the other")
	}
}
