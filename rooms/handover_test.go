package rooms

import (
	"errors"
	"slices"
	"testing"
)

// takes gives a phone the side of a talk that is handed over.
func (b *building) takes(name string, h *Handover) *phone {
	b.t.Helper()
	p := b.phone(name, "")
	var err error
	if p.party, err = h.Take(p.ctx, p, true); err != nil {
		b.t.Fatal(err)
	}
	p.done = p.party.Done()
	return p
}

// handsOver begins to give a party's side to somebody else.
func (p *phone) handsOver(t *testing.T) *Handover {
	t.Helper()
	h, err := p.party.HandOver()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSideOfATalkIsHandedOver(t *testing.T) {
	for name, stays := range map[string]bool{"who hands over waits": true, "who hands over is gone": false} {
		t.Run(name, func(t *testing.T) {
			b := newTalkingBuilding(t)
			ann, bob := b.talk(true, true)
			h := ann.handsOver(t)
			if _, err := ann.party.HandOver(); !errors.Is(err, ErrHandedOver) {
				t.Errorf("a second time: %v, want ErrHandedOver", err)
			}
			ann.talks.Store(true)
			bob.heardOnly(t, "ann")
			if !stays {
				ann.cancel()
				ann.freed(t)
				bob.hears(t, "ann", "music")
				if _, err := ann.party.HandOver(); !errors.Is(err, ErrTalkOver) {
					t.Errorf("of who is gone: %v, want ErrTalkOver", err)
				}
			}
			eve := b.takes("eve", h)
			ann.freed(t)
			if stays && !slices.Equal(ann.reasons(), []string{errTransfers.Error()}) {
				t.Errorf("the transferrer was hung up with %q", ann.reasons())
			}
			bob.talks.Store(true)
			eve.heardOnly(t, "bob")
			bob.talks.Store(false)
			eve.talks.Store(true)
			if stays {
				bob.hears(t, "ann", "eve")
			} else {
				bob.hears(t, "ann", "music", "eve")
			}
			late := b.phone("joe", "")
			late.done = late.ctx.Done()
			if _, err := h.Take(late.ctx, late, true); !errors.Is(err, ErrSideTaken) {
				t.Errorf("who answers late: %v, want ErrSideTaken", err)
			}
			eve.cancel()
			bob.freed(t)
			if got := bob.reasons(); !slices.Equal(got, []string{errPartnerLeft.Error()}) {
				t.Errorf("bob was hung up with %q", got)
			}
		})
	}
}

func TestHandoverThatComesToNothing(t *testing.T) {
	reason := errors.New("486 Busy Here")
	t.Run("who hands over waits", func(t *testing.T) {
		b := newTalkingBuilding(t)
		ann, bob := b.talk(true, true)
		ann.handsOver(t).Fail(reason)
		ann.talks.Store(true)
		bob.heardOnly(t, "ann")
		ann.handsOver(t) // the next one may come
		bob.cancel()
		ann.freed(t)
	})
	t.Run("who hands over is gone", func(t *testing.T) {
		b := newTalkingBuilding(t)
		ann, bob := b.talk(true, true)
		h := bob.handsOver(t)
		bob.cancel()
		bob.freed(t)
		h.Fail(reason)
		ann.freed(t)
		if got := ann.reasons(); !slices.Equal(got, []string{reason.Error()}) {
			t.Errorf("ann was hung up with %q", got)
		}
	})
	t.Run("nobody is left", func(t *testing.T) {
		b := newTalkingBuilding(t)
		ann, bob := b.talk(true, true)
		h := ann.handsOver(t)
		for _, p := range []*phone{ann, bob} {
			select {
			case <-h.Over():
				t.Error("it is over before both are gone")
			default:
			}
			p.cancel()
			p.freed(t)
		}
		<-h.Over()
		late := b.phone("eve", "")
		late.done = late.ctx.Done()
		if _, err := h.Take(late.ctx, late, true); !errors.Is(err, ErrTalkOver) {
			t.Errorf("who answers late: %v, want ErrTalkOver", err)
		}
	})
}
