package mixer

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// herald carries events from the workers to the owners of the seats. A worker wakes it through
// an eventfd: one system call that never blocks, and only in ticks in which something happened.
type herald struct {
	fd   int
	file *os.File
	done chan struct{} // closed when it has ended
	mute sync.Mutex    // held while events are told, or are not to be
	// hushed tells that they are not to be: it belongs to whoever has said so.
	hushed bool
}

func newHerald() (*herald, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open an eventfd: %w", err)
	}
	return &herald{fd: fd, file: os.NewFile(uintptr(fd), "eventfd"), done: make(chan struct{})}, nil
}

// wake is called by workers, within a tick.
func (h *herald) wake() {
	one := [8]byte{}
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(h.fd), uintptr(unsafe.Pointer(&one)), uintptr(len(one)))
}

// round tells what has come, once that may be.
func (h *herald) round(e *Engine) {
	h.mute.Lock()
	defer h.mute.Unlock()
	for _, w := range e.workers {
		if !e.closing.Load() {
			w.events.drain()
		}
		w.notices.run()
	}
}

// run tells what the workers put into their rings until the engine closes.
func (h *herald) run(e *Engine) {
	defer close(h.done)
	defer h.file.Close()
	e.faults.Keep(nil, "tell events", func() { h.tell(e) })
	for _, w := range e.workers {
		w.notices.run() // who waits for an end is not left waiting
	}
}

func (h *herald) tell(e *Engine) {
	var count [8]byte
	for !e.closing.Load() {
		if _, err := h.file.Read(count[:]); err != nil {
			e.log.Error("events of the mixer are not told any more", "error", err)
			return
		}
		h.round(e)
	}
}
