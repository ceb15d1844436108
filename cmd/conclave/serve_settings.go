package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"conclave/rooms"
	"conclave/sip"
	"conclave/store/history"
)

// serveCmd is the configuration of the server: each field is a flag, an environment variable and a key of the
// configuration file.
type serveCmd struct {
	Config       configFile      `help:"Read settings from a TOML file; its keys are the names of these flags." placeholder:"FILE" env:"CONCLAVE_CONFIG"`
	SIP          []string        `name:"sip" help:"Listen for SIP here (${default}); may be repeated." placeholder:"URL" default:"udp://0.0.0.0:5060,tcp://0.0.0.0:5060" env:"CONCLAVE_SIP"`
	TLSCert      string          `name:"tls-cert" help:"Certificate for tls:// listeners, PEM, with those between it and its root; read again when it changes (DATA/tls/cert.pem)." placeholder:"FILE" env:"CONCLAVE_TLS_CERT"`
	TLSKey       string          `name:"tls-key" help:"Its key, PEM (DATA/tls/key.pem)." placeholder:"FILE" env:"CONCLAVE_TLS_KEY"`
	RTPPorts     portRange       `name:"rtp-ports" help:"UDP ports for audio, two for each call (${default})." placeholder:"FIRST-LAST" default:"10000-20000" env:"CONCLAVE_RTP_PORTS"`
	Advertise    publicAddr      `help:"Address that phones are told to send to, for a server behind NAT." placeholder:"ADDR" env:"CONCLAVE_ADVERTISE"`
	Guests       sip.GuestPolicy `help:"Whom callers may reach who have not proven who they are: none, pin (rooms with a PIN), all (${default})." placeholder:"POLICY" enum:"none,pin,all" default:"pin" env:"CONCLAVE_GUESTS"`
	Digests      []string        `help:"Digest algorithms that phones are offered, in this order (${default}); MD5 alone for phones that give up at another." placeholder:"NAME" enum:"SHA-256,MD5" default:"SHA-256,MD5" env:"CONCLAVE_DIGESTS"`
	SIPRate      int             `name:"sip-rate" help:"SIP messages of one method that are taken from one address in a second, after five times as many at once (${default}); 0: any number." placeholder:"N" default:"100" env:"CONCLAVE_SIP_RATE"`
	TransferCode string          `name:"transfer-code" help:"Keys that a phone dials in a call before the room that the other party is to be moved to (${default}); empty: none." placeholder:"KEYS" default:"**" env:"CONCLAVE_TRANSFER_CODE"`
	InsecureSDES bool            `name:"insecure-sdes" help:"Take keys for encrypted audio over UDP and TCP, too, where whoever reads along can decrypt it: for networks that are protected otherwise." env:"CONCLAVE_INSECURE_SDES"`
	Factory      extension       `help:"Number that makes a room for as long as somebody is in it, for phones that begin conferences so; without it there is none." placeholder:"EXT" env:"CONCLAVE_FACTORY"`
	RingTime     time.Duration   `name:"ring-time" help:"How long a callee rings who has no time of his own, until the call counts as not answered (${default}), at most 2m." placeholder:"TIME" default:"30s" env:"CONCLAVE_RING_TIME"`
	SessionTime  time.Duration   `name:"session-expires" help:"How long a call lasts whose far end has vanished while it is on hold: sessions are refreshed at half of it (${default}). 0: not at all." placeholder:"TIME" default:"30m" env:"CONCLAVE_SESSION_EXPIRES"`
	SessionLeast time.Duration   `name:"session-least" help:"Shortest session that others may ask for (${default}), at least 90s." placeholder:"TIME" default:"90s" env:"CONCLAVE_SESSION_LEAST"`
	Software     softwareName    `help:"How the server names itself to others, in User-Agent and Server: none (not at all), name, or version (${default})." placeholder:"HOW" enum:"none,name,version" default:"none" env:"CONCLAVE_SOFTWARE"`
	Log          string          `help:"Format of the log on standard error: text or json (${default})." placeholder:"FORMAT" enum:"text,json" default:"text" env:"CONCLAVE_LOG"`
	LogLevel     string          `help:"Least level that is logged: debug, info, warn, error (${default})." placeholder:"LEVEL" enum:"debug,info,warn,error" default:"info" env:"CONCLAVE_LOG_LEVEL"`
	Workers      int             `help:"Threads that mix; 0 is one for each core." placeholder:"N" default:"0" env:"CONCLAVE_WORKERS"`
	MaxLoad      int             `name:"max-load" help:"Refuse new calls (503) while a mixing thread is busy for more than this share of its time, so that those who are there lose nothing (${default})." placeholder:"PERCENT" default:"75" env:"CONCLAVE_MAX_LOAD"`
	History      int             `name:"history-days" help:"Days for which calls are kept for conclave calls; 0 keeps none (${default})." placeholder:"DAYS" default:"90" env:"CONCLAVE_HISTORY_DAYS"`
	AuditDays    int             `name:"audit-days" help:"Days for which conclave audit tells what operators have ordered; 0 is for ever (${default})." placeholder:"DAYS" default:"730" env:"CONCLAVE_AUDIT_DAYS"`
	KeepDays     int             `name:"recordings-days" help:"Days for which recordings are kept; 0 is for ever (${default})." placeholder:"DAYS" default:"0" env:"CONCLAVE_RECORDINGS_DAYS"`
	KeepBytes    byteSize        `name:"recordings-bytes" help:"What recordings may take on the disk, 20G for example: the oldest make way; 0 is no limit (${default})." placeholder:"SIZE" default:"0" env:"CONCLAVE_RECORDINGS_BYTES"`
	DrainTime    time.Duration   `name:"drain-time" help:"How long calls may go on when the server is told to end, until they are told so and hung up (${default}); new ones are refused meanwhile. 0: not at all." placeholder:"TIME" default:"30s" env:"CONCLAVE_DRAIN_TIME"`
	Takeover     bool            `help:"Go on in the place of the server that runs on this directory, with its calls, which notice nothing; it ends. Where this one does not work, that one goes on."`
	FirstRoom    bool            `help:"In an empty database add room 1000, and print how to dial." env:"CONCLAVE_FIRST_ROOM"`
}

// Validate is called by kong once all settings are read.
func (c *serveCmd) Validate() error {
	switch {
	case len(c.SIP) == 0:
		return errors.New("--sip: it takes at least one listener, for example udp://0.0.0.0:5060")
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key: it takes both or neither")
	case c.RingTime <= 0 || c.RingTime > sip.MaxRingTime:
		return fmt.Errorf("--ring-time %v: it takes a time of up to %v, for example 30s", c.RingTime, sip.MaxRingTime)
	case c.SessionLeast < sip.LeastSessionExpires || c.SessionLeast > sip.MaxSessionExpires:
		return fmt.Errorf("--session-least %v: it takes a time from %v to %v (RFC 4028)", c.SessionLeast, sip.LeastSessionExpires, sip.MaxSessionExpires)
	case c.SessionTime != 0 && (c.SessionTime < c.SessionLeast || c.SessionTime > sip.MaxSessionExpires):
		return fmt.Errorf("--session-expires %v: it takes a time from --session-least (%v) to %v, for example 30m, or 0 for no session timers",
			c.SessionTime, c.SessionLeast, sip.MaxSessionExpires)
	case c.DrainTime < 0 || c.DrainTime > maxDrainTime:
		return fmt.Errorf("--drain-time %v: it takes a time of up to %v, for example 30s, or 0", c.DrainTime, maxDrainTime)
	case c.SIPRate < 0:
		return fmt.Errorf("--sip-rate %d: it takes the number of messages in a second, or 0 for any number", c.SIPRate)
	case c.Workers < 0:
		return fmt.Errorf("--workers %d: it takes the number of threads, or 0 for one for each core", c.Workers)
	case c.MaxLoad < 1 || c.MaxLoad > 100:
		return fmt.Errorf("--max-load %d: it takes the percent of its time that a mixing thread may be busy, 1 to 100", c.MaxLoad)
	case c.KeepDays < 0 || c.KeepDays > history.MaxDays:
		return fmt.Errorf("--recordings-days %d: it takes the days for which recordings are kept, up to %d, or 0 to keep them for ever", c.KeepDays, history.MaxDays)
	case c.AuditDays < 0 || c.AuditDays > history.MaxDays:
		return fmt.Errorf("--audit-days %d: it takes the days for which the audit is kept, up to %d, or 0 to keep it for ever", c.AuditDays, history.MaxDays)
	case c.History < 0 || c.History > history.MaxDays:
		return fmt.Errorf("--history-days %d: it takes the days for which calls are kept, up to %d, or 0 to keep none", c.History, history.MaxDays)
	}
	if err := rooms.CheckTransferCode(c.TransferCode); err != nil {
		return fmt.Errorf("--transfer-code: %w", err)
	}
	return nil
}

func (c *serveCmd) logger() *slog.Logger {
	var level slog.Level
	// The flag's enum holds names of levels only.
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Log == "json" {
		return slog.New(slog.NewJSONHandler(jsonLog{os.Stderr}, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// portRange is a range of UDP ports, both ends included.
type portRange struct{ first, last uint16 }

// UnmarshalText takes FIRST-LAST.
func (r *portRange) UnmarshalText(text []byte) error {
	var rest string
	n, _ := fmt.Sscanf(string(text)+" end", "%d-%d %s", &r.first, &r.last, &rest)
	if n != 3 || rest != "end" || r.first > r.last {
		return fmt.Errorf("RTP port range %q: it takes FIRST-LAST, for example 10000-20000", text)
	}
	return nil
}

// String is the form that UnmarshalText takes.
func (r portRange) String() string { return fmt.Sprintf("%d-%d", r.first, r.last) }

// publicAddr is the IP address under which phones reach this server.
type publicAddr struct{ netip.Addr }

// UnmarshalText takes an address of one machine; names are not looked up.
func (a *publicAddr) UnmarshalText(text []byte) error {
	var err error
	if a.Addr, err = netip.ParseAddr(string(text)); err != nil || a.IsUnspecified() || a.IsMulticast() {
		return fmt.Errorf("%q: it takes the one IP address under which phones reach this server, for example 203.0.113.5", text)
	}
	return nil
}
