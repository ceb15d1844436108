package torture

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// Prober sends cases to a server, each from a socket of its own.
type Prober struct {
	Network string        // "udp" or "tcp"
	Addr    string        // of the server
	Wait    time.Duration // how long an answer that must come may take
	Quiet   time.Duration // how long none may come, after the server answered a later request, to count as none
}

// ownBranch begins the branch of requests that are not the case.
const ownBranch = "z9hG4bK-torture-"

// fence is a request sent behind the case: once it is answered the server has read the case.
const fence = "OPTIONS sip:user@example.com SIP/2.0\r\nVia: SIP/2.0/UDP torture.invalid;rport;branch=" + ownBranch + "fence-%[1]s\r\n" +
	"Max-Forwards: 70\r\nFrom: <sip:torture@torture.invalid>;tag=fence\r\nTo: <sip:user@example.com>\r\n" +
	"Call-ID: torture-fence-%[1]s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"

// Send sends one case and collects the answers. An INVITE's final answer is acknowledged, and a call that came about is
// ended. Over TCP the server may close the connection; over UDP it has to answer a request behind the case.
func (p Prober) Send(c Case) ([]Answer, error) {
	conn, err := net.Dial(p.Network, p.Addr)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", c.File, err)
	}
	defer conn.Close()
	for _, data := range [][]byte{c.Data, fmt.Appendf(nil, fence, c.File)} {
		if _, err := conn.Write(data); err != nil {
			if p.Network == "tcp" {
				break // refused and closed already
			}
			return nil, fmt.Errorf("send %s: %w", c.File, err)
		}
	}
	var answers []Answer
	fenced, answered := false, false
	var data []byte
	buf := make([]byte, 64<<10)
	deadline := time.Now().Add(p.Wait)
	for {
		if fenced && (answered || c.Silent()) {
			deadline = minTime(deadline, time.Now().Add(p.Quiet))
		}
		if err := conn.SetReadDeadline(deadline); err != nil {
			return nil, err
		}
		n, err := conn.Read(buf)
		if err != nil {
			timeout := errors.Is(err, os.ErrDeadlineExceeded)
			if p.Network == "udp" && (!timeout || !fenced) {
				return answers, fmt.Errorf("send %s: no answer to the request behind it: %w", c.File, err)
			}
			return answers, nil
		}
		for data = append(data, buf[:n]...); ; {
			a, rest, ok := parse(data)
			if data = rest; !ok {
				break
			}
			fenced = fenced || strings.Contains(a.Header("Via"), ownBranch+"fence")
			if a.Status == 0 || strings.Contains(a.Header("Via"), ownBranch) {
				continue // a request of the server's, such as BYE, or an answer to one of ours
			}
			answers = append(answers, a)
			if a.Status >= 200 && a.Header("Call-ID") == c.message.first("call-id") {
				answered = true
				if c.Kind == "INVITE" {
					for _, request := range c.acknowledge(a) {
						if _, err := conn.Write(request); err != nil && p.Network == "udp" {
							return answers, fmt.Errorf("acknowledge %s: %w", c.File, err)
						}
					}
				}
			}
		}
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
