package main

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"conclave/mixer"
)

// A takeover: another process of the server, of a newer version for example, goes on in the place of the one that runs, with its sockets and
// calls. What they say to each other goes over a connection of the control socket:
//
//	new -> old   POST /v1/takeover, which is answered with 101        I have read all there is to read
//	old -> new   files, estate      calls stand still, audio goes on  this is what I have
//	new -> old   prepared                                             I have made all of it
//	old -> new   yours              no tick is run from here on       this is how far audio has come: go on
//	new -> old   healthy                                              ticks are run
//	old -> new   done                                                 I shall not come back; read SIP
//
// Until done the old one comes back where anything fails: it kills the new one first, so that at no time both send. The new one reads no SIP
// and writes nothing before done, so that there is nothing to be taken back.
const takeoverProtocol = "conclave-takeover/1"

// How long they wait for each other.
const (
	// takeoverTime is how long the new one has from the estate on, until the old one goes on by itself.
	takeoverTime = 5 * time.Second
	// silenceTime is how long of that nobody may send audio.
	silenceTime = time.Second
)

// message is a kind of message of a takeover.
type message byte

const (
	messageFiles    message = 'F' // some descriptors, beside the data
	messageEstate   message = 'E' // sip.Estate, whose files have come
	messagePrepared message = 'P'
	messageYours    message = 'Y' // mixer.Standstill
	messageHealthy  message = 'H'
	messageDone     message = 'D'
	messageRefusal  message = 'X' // why nothing comes of it, in words
)

const (
	messageHeader = 5       // the kind, and the length of what follows
	mostFiles     = 250     // that go in one message: the kernel takes 253 (SCM_MAX_FD)
	mostMessage   = 1 << 28 // octets
)

// writeStandstill and readStandstill are how far audio has come, on its way.
func writeStandstill(s mixer.Standstill) ([]byte, error) {
	var progress bytes.Buffer
	if err := gob.NewEncoder(&progress).Encode(s); err != nil {
		return nil, fmt.Errorf("takeover: write how far audio has come: %w", err)
	}
	return progress.Bytes(), nil
}

func readStandstill(progress []byte) (s mixer.Standstill, err error) {
	if err = gob.NewDecoder(bytes.NewReader(progress)).Decode(&s); err != nil {
		err = fmt.Errorf("takeover: read how far audio has come: %w", err)
	}
	return s, err
}

// rehearse has both been done once: the first time takes some ms, which nobody is to wait for without audio.
func rehearse() error {
	progress, err := writeStandstill(mixer.Standstill{Seats: make([]mixer.SeatProgress, 1)})
	if err == nil {
		_, err = readStandstill(progress)
	}
	return err
}

// errFault is what a fault in the program comes to.
var errFault = errors.New("takeover: a fault in the program")

// refusedError is what the other side says stands against a takeover.
type refusedError struct{ why string }

func (e *refusedError) Error() string { return e.why }

// takeoverConn is the connection of a takeover.
type takeoverConn struct {
	*net.UnixConn
	files []int // that were received
}

// send sends a message.
func (c *takeoverConn) send(m message, body []byte) error {
	head := append(make([]byte, 0, messageHeader+len(body)), byte(m))
	head = binary.BigEndian.AppendUint32(head, uint32(len(body)))
	if _, err := c.Write(append(head, body...)); err != nil {
		return fmt.Errorf("takeover: send: %w", err)
	}
	return nil
}

// sendFiles sends descriptors.
func (c *takeoverConn) sendFiles(files []int) error {
	for len(files) > 0 {
		n := min(len(files), mostFiles)
		head := []byte{byte(messageFiles), 0, 0, 0, 0}
		if _, _, err := c.WriteMsgUnix(head, unix.UnixRights(files[:n]...), nil); err != nil {
			return fmt.Errorf("takeover: send descriptors: %w", err)
		}
		files = files[n:]
	}
	return nil
}

// receive waits for a message of the kind. Files that come before it are kept. The error is a refusedError where the other side says why
// there will be none.
func (c *takeoverConn) receive(wanted message) ([]byte, error) {
	for {
		m, body, err := c.read()
		switch {
		case err != nil:
			return nil, err
		case m == messageRefusal:
			return nil, &refusedError{string(body)}
		case m == messageFiles:
		case m == wanted:
			return body, nil
		default:
			return nil, fmt.Errorf("takeover: message %q in place of %q", byte(m), byte(wanted))
		}
	}
}

func (c *takeoverConn) read() (m message, body []byte, err error) {
	head := make([]byte, messageHeader)
	rights := make([]byte, unix.CmsgSpace(4*mostFiles))
	for got := 0; got < len(head); {
		n, oobn, _, _, err := c.ReadMsgUnix(head[got:], rights)
		if err == nil && n == 0 {
			err = io.EOF
		}
		if err != nil {
			return 0, nil, fmt.Errorf("takeover: receive: %w", err)
		}
		got += n
		if err := c.keep(rights[:oobn]); err != nil {
			return 0, nil, err
		}
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > mostMessage {
		return 0, nil, fmt.Errorf("takeover: a message of %d octets", size)
	}
	body = make([]byte, size)
	if _, err := io.ReadFull(c.UnixConn, body); err != nil {
		return 0, nil, fmt.Errorf("takeover: receive: %w", err)
	}
	return message(head[0]), body, nil
}

// keep takes the descriptors that came beside a message.
func (c *takeoverConn) keep(rights []byte) error {
	if len(rights) == 0 {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return fmt.Errorf("takeover: receive descriptors: %w", err)
	}
	for i := range messages {
		files, err := unix.ParseUnixRights(&messages[i])
		if err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("takeover: receive descriptors: %w", err)
		}
		c.files = append(c.files, files...)
	}
	return nil
}
