package rooms

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"conclave/media"
	"conclave/mixer"
)

// modelMember is a member as the model has it.
type modelMember struct {
	phone  *phone
	number int
	muted  bool
}

// model is what a room should be after what was done to it.
type model struct {
	members []modelMember
	last    int
	locked  bool
	limit   int
}

func (m *model) take(i int) modelMember {
	gone := m.members[i]
	m.members = slices.Delete(m.members, i, i+1)
	if len(m.members) == 0 {
		m.last, m.locked = 0, false
	}
	return gone
}

// compare tells how what is shown differs from the model.
func (m *model) compare(live []Conference) string {
	if len(m.members) == 0 {
		if len(live) > 0 {
			return fmt.Sprintf("shown though nobody is there: %+v", live)
		}
		return ""
	}
	if len(live) != 1 {
		return fmt.Sprintf("%d conferences, want 1", len(live))
	}
	var want, got []string
	for _, member := range m.members {
		want = append(want, fmt.Sprint(member.number, member.phone.name, member.muted, len(m.members) == 1))
	}
	for _, member := range live[0].Members {
		got = append(got, fmt.Sprint(member.ID, member.Caller, member.Muted, member.Music))
		if !member.Entered {
			return fmt.Sprintf("%s is not in the mix", member.Caller)
		}
	}
	if !slices.Equal(got, want) || live[0].Locked != m.locked {
		return fmt.Sprintf("locked %t, number, caller, muted, music:\n%v\nwant locked %t\n%v", live[0].Locked, got, m.locked, want)
	}
	return ""
}

func TestRandomComingsAndGoingsAreAsTheRulesSay(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			b := newBuilding(t, mixer.Config{})
			for name := range b.house.prompts {
				b.house.prompts[name] = media.NewSound(8000, make([]int16, 160))
			}
			random := rand.New(rand.NewPCG(seed, 1))
			limit := []int{0, 3, 12}[seed%3]
			room := b.room("", map[string]string{"max_members": fmt.Sprint(limit)})
			m := &model{limit: limit}
			left := map[*phone]string{}
			for step := range 100 {
				did := ""
				at := 0
				if len(m.members) > 0 {
					at = random.IntN(len(m.members))
				}
				switch action := random.IntN(20); {
				case action < 8 && len(m.members) < 20:
					p := b.call(fmt.Sprint("p", step), room)
					did = p.name + " joins"
					switch {
					case m.locked:
						left[p] = ResultLocked
					case m.limit > 0 && len(m.members) >= m.limit:
						left[p] = ResultFull
					default:
						m.last++
						m.members = append(m.members, modelMember{phone: p, number: m.last})
					}
					if result, refused := left[p]; refused {
						p.over(t, result)
					} else {
						b.members(len(m.members))
					}
				case len(m.members) == 0:
					continue
				case action < 12:
					gone := m.take(at)
					did = gone.phone.name + " leaves"
					left[gone.phone] = ResultHangup
					gone.phone.cancel()
					gone.phone.over(t, ResultHangup)
				case action < 16:
					on := random.IntN(2) == 0
					m.members[at].muted = on
					did = fmt.Sprint(m.members[at].phone.name, " mute ", on)
					if err := b.house.Mute("1000", m.members[at].number, on); err != nil {
						t.Fatal(err)
					}
				case action < 18:
					gone := m.take(at)
					did = gone.phone.name + " kicked"
					left[gone.phone] = ResultKicked
					if err := b.house.Kick("1000", gone.number); err != nil {
						t.Fatal(err)
					}
				case action < 19:
					m.locked = !m.locked
					did = fmt.Sprint("locked ", m.locked)
					if err := b.house.Lock("1000", m.locked); err != nil {
						t.Fatal(err)
					}
				default:
					did = "all kicked"
					for len(m.members) > 0 {
						left[m.take(0).phone] = ResultKicked
					}
					if _, err := b.house.KickAll("1000"); err != nil {
						t.Fatal(err)
					}
				}
				if complaint := m.compare(b.house.Live()); complaint != "" {
					t.Fatalf("step %d, %s: %s", step, cmp.Or(did, "nothing"), complaint)
				}
			}
			for len(m.members) > 0 {
				p := m.take(0).phone
				left[p] = ResultHangup
				p.cancel()
			}
			for p, result := range left {
				p.over(t, result)
			}
			if len(b.house.live) != 0 {
				t.Errorf("%d conferences left behind", len(b.house.live))
			}
		})
	}
}
