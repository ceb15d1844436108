package sip

import (
	"errors"
	"strings"
	"testing"

	"github.com/icholy/digest"

	sipgo "github.com/emiago/sipgo/sip"
)

func challenged(status int, challenges ...string) *sipgo.Response {
	res := sipgo.NewResponse(status, "Unauthorized")
	name := "WWW-Authenticate"
	if status == 407 {
		name = "Proxy-Authenticate"
	}
	for _, c := range challenges {
		res.AppendHeader(sipgo.NewHeader(name, c))
	}
	return res
}

func TestChallengeIsAnswered(t *testing.T) {
	const md5 = `Digest realm="r", nonce="n1", algorithm=MD5, qop="auth,auth-int"`
	const sha = `Digest realm="r", nonce="n2", algorithm=SHA-256, qop="auth"`
	for _, tt := range []struct {
		name       string
		status     int
		challenges []string
		header     string
		nonce      string
	}{
		{"MD5", 401, []string{md5}, "Authorization", "n1"},
		{"of a proxy", 407, []string{md5}, "Proxy-Authorization", "n1"},
		{"the first that can be answered", 401, []string{`Digest realm="r", nonce="n0", algorithm=WHIRLPOOL`, sha, md5}, "Authorization", "n2"},
		{"the far end prefers MD5", 401, []string{md5, sha}, "Authorization", "n1"},
		{"as of RFC 2069", 401, []string{`digest realm="r",nonce="n3"`}, "Authorization", "n3"},
		{"other schemes are passed over", 401, []string{"Basic realm=x", "AKAv1", sha}, "Authorization", "n2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := sipgo.NewRequest(sipgo.REGISTER, sipgo.Uri{Scheme: "sip", Host: "carrier.example"})
			req.AppendHeader(sipgo.NewHeader(tt.header, "Digest old"))
			if err := answerChallenge(req, challenged(tt.status, tt.challenges...), credentials{"u", "p"}); err != nil {
				t.Fatal(err)
			}
			headers := req.GetHeaders(tt.header)
			if len(headers) != 1 {
				t.Fatalf("headers are %v", headers)
			}
			got, err := digest.ParseCredentials(headers[0].Value())
			if err != nil {
				t.Fatal(err)
			}
			// What it should be is worked out from the same challenge, with the nonce of the client.
			for _, c := range tt.challenges {
				challenge, err := digest.ParseChallenge(c)
				if err != nil || challenge.Nonce != tt.nonce {
					continue
				}
				want, err := digest.Digest(challenge, digest.Options{Method: "REGISTER", URI: "sip:carrier.example", Username: "u", Password: "p", Cnonce: got.Cnonce, Count: got.Nc})
				if err != nil || got.Response != want.Response || got.URI != "sip:carrier.example" || got.Username != "u" || got.Nonce != tt.nonce {
					t.Errorf("answered %s, want %s (%v)", got, want, err)
				}
				return
			}
			t.Errorf("nonce %s is of no challenge", got.Nonce)
		})
	}
}

func TestChallengeThatCannotBeAnswered(t *testing.T) {
	req := sipgo.NewRequest(sipgo.REGISTER, sipgo.Uri{Scheme: "sip", Host: "h"})
	if err := answerChallenge(req, challenged(401, `Digest realm="r", nonce="n"`), credentials{}); !errors.Is(err, errNoCredentials) {
		t.Errorf("without credentials: %v", err)
	}
	for _, c := range []string{"", "Digest", "Digest realm=", `Digest realm="r"`, `Digest nonce="n", algorithm=MD5-sess`, `Digest nonce="n", qop="x"`, "Basic x"} {
		if err := answerChallenge(req, challenged(401, c), credentials{"u", "p"}); !errors.Is(err, errChallenge) {
			t.Errorf("%q: %v", c, err)
		}
	}
	if err := answerChallenge(req, challenged(401), credentials{"u", "p"}); !errors.Is(err, errChallenge) {
		t.Errorf("no challenge: %v", err)
	}
	if req.GetHeader("Authorization") != nil {
		t.Error("an answer was added")
	}
}

func FuzzAnswerChallenge(f *testing.F) {
	for _, c := range []string{`Digest realm="r", nonce="n", qop="auth"`, "Digest ,,", `Digest nonce="\"`, "Digest a=b;c"} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, challenge string) {
		req := sipgo.NewRequest(sipgo.REGISTER, sipgo.Uri{Scheme: "sip", Host: "h"})
		if err := answerChallenge(req, challenged(401, challenge), credentials{"u", "p"}); err != nil {
			return
		}
		if answer := req.GetHeader("Authorization").Value(); strings.ContainsAny(answer, "\r\n") && !strings.ContainsAny(challenge, "\r\n") {
			t.Errorf("%q is answered with lines of their own: %q", challenge, answer)
		}
	})
}
