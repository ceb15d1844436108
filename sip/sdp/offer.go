package sdp

import (
	"net/netip"
	"slices"
	"strconv"

	"conclave/media"
)

// offeredEvent is the payload type of telephone-event in our offers: the one most phones
// use as well, so that both directions have the same number.
const offeredEvent = "101"

// offeredFastEvent is that of the one whose clock is Opus's.
const offeredFastEvent = "102"

// Offer describes what we bring: one audio line with all our codecs, in their order, and
// telephone-event, in packets of 20 ms. It is encrypted where there are keys.
func Offer(local Local) *Session {
	offer := local.session()
	audio := Media{
		Type: "audio", Port: local.Port, Proto: plainProfile,
		Address: offer.Address, PTime: 20, Direction: local.direction(),
	}
	for _, c := range local.Codecs {
		audio.Formats = append(audio.Formats, local.format(strconv.Itoa(int(c.PayloadType())), c))
	}
	audio.Formats = append(audio.Formats, Format{
		ID: offeredEvent, Name: eventName, Rate: 8000, Channels: 1, Params: eventParams,
	})
	for _, c := range local.Codecs {
		if c.ClockRate() != 8000 { // keys count time as the codec does (RFC 4733 2.1)
			audio.Formats = append(audio.Formats, Format{
				ID: offeredFastEvent, Name: eventName, Rate: c.ClockRate(), Channels: 1, Params: eventParams,
			})
			break
		}
	}
	local.protect(&audio)
	offer.Media = []Media{audio}
	return offer
}

// Accept settles the answer to an offer of ours, made from the same local (RFC 3264 7). The
// first codec of the answer that we have is used, also where it lists several. The error is
// a *Refusal: the far end took no audio, or none that was offered.
func Accept(offer, answer *Session, local Local, signalling netip.Addr) (media.Remote, error) {
	// A line too many or too few (RFC 3264 6 wants the number of the offer) is no reason to
	// lose the call.
	lines := min(len(offer.Media), len(answer.Media))
	named := Session{Media: slices.Clone(answer.Media[:lines])}
	for i := range named.Media {
		named.Media[i].Formats = named.Media[i].namedBy(&offer.Media[i])
	}
	chosen, err := local.choose(&named, offer)
	if err != nil {
		return media.Remote{}, err
	}
	remote, offered := chosen.remote, &offer.Media[chosen.line]
	if remote.Security != nil && !chosen.crypto.matches(offered) {
		return media.Remote{}, refuse(488, warnMiscellaneous, "the answer's a=crypto has a tag or suite that was not offered")
	}
	remote.Signalling = signalling.Unmap()
	remote.Mux = remote.Mux && offered.Mux
	// The far end sends us the numbers of our offer, whatever numbers it wants to be sent
	// itself (RFC 3264 7), and digits are what we receive.
	if event, ok := offered.event(remote.Codec.ClockRate()); ok && remote.EventType >= 0 {
		remote.EventType = int(event.payloadType())
	}
	return remote, nil
}

// namedBy gives formats of an answer that come without a=rtpmap the meaning they had in
// the offer.
func (m *Media) namedBy(offer *Media) []Format {
	formats := make([]Format, len(m.Formats))
	for i, f := range m.Formats {
		for _, o := range offer.Formats {
			if f.Name == "" && f.ID == o.ID {
				f = o
			}
		}
		formats[i] = f
	}
	return formats
}
