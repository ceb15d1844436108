package faults

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"conclave/sip/phone"
)

// diskFault is what a disk does to what is written.
type diskFault struct {
	err   syscall.Errno // of each write and fsync; 0: none
	write time.Duration // that each write takes
	fsync time.Duration
}

// disk is a directory on a file system that does as it is told.
type disk struct {
	fault atomic.Pointer[diskFault]
	hits  atomic.Int64 // operations that were refused or slowed
}

// newDisk mounts one in the namespace of the tests.
func newDisk(t *testing.T) (d *disk, dir string) {
	t.Helper()
	sandboxed(t)
	d = new(disk)
	d.fault.Store(new(diskFault))
	below, dir := t.TempDir(), t.TempDir()
	root := &fs.LoopbackRoot{Path: below}
	top := &diskNode{&fs.LoopbackNode{RootData: root}, d}
	root.RootNode = top
	second := time.Second
	server, err := fs.Mount(dir, top, &fs.Options{EntryTimeout: &second, AttrTimeout: &second,
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "faults", Name: "faults"}})
	if err != nil {
		t.Skipf("no FUSE here: %v", err)
	}
	t.Cleanup(func() {
		d.fault.Store(new(diskFault))
		for range 50 {
			if server.Unmount() == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error("the file system is still in use")
	})
	return d, dir
}

// meet does to an operation what the disk does now.
func (d *disk) meet(slow func(*diskFault) time.Duration) syscall.Errno {
	f := d.fault.Load()
	wait := slow(f)
	if f.err != 0 || wait > 0 {
		d.hits.Add(1)
	}
	time.Sleep(wait)
	return f.err
}

func atWrite(f *diskFault) time.Duration { return f.write }
func atFsync(f *diskFault) time.Duration { return f.fsync }

// diskNode is a file or directory.
type diskNode struct {
	*fs.LoopbackNode
	disk *disk
}

// WrapChild has all that is below on the same disk.
func (n *diskNode) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &diskNode{child.(*fs.LoopbackNode), n.disk}
}

var (
	_ fs.NodeWrapChilder = (*diskNode)(nil)
	_ fs.NodeOpener      = (*diskNode)(nil)
	_ fs.NodeCreater     = (*diskNode)(nil)
	_ fs.NodeSetattrer   = (*diskNode)(nil)
)

func (n *diskNode) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h, f, errno := n.LoopbackNode.Open(ctx, flags)
	if errno != 0 {
		return nil, f, errno
	}
	return &diskFile{h.(*fs.LoopbackFile), n.disk}, f, 0
}

func (n *diskNode) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.disk.meet(atWrite); errno != 0 {
		return nil, nil, 0, errno
	}
	inode, h, f, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	if errno != 0 {
		return nil, nil, f, errno
	}
	return inode, &diskFile{h.(*fs.LoopbackFile), n.disk}, f, 0
}

func (n *diskNode) Setattr(ctx context.Context, h fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if _, resize := in.GetSize(); resize {
		if errno := n.disk.meet(atWrite); errno != 0 {
			return errno
		}
	}
	if f, ok := h.(*diskFile); ok {
		h = f.LoopbackFile
	}
	return n.LoopbackNode.Setattr(ctx, h, in, out)
}

// diskFile is one that is open.
type diskFile struct {
	*fs.LoopbackFile
	disk *disk
}

// PassthroughFd keeps the kernel from writing to the file below by itself.
func (f *diskFile) PassthroughFd() (int, bool) { return 0, false }

func (f *diskFile) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := f.disk.meet(atWrite); errno != 0 {
		return 0, errno
	}
	return f.LoopbackFile.Write(ctx, data, off)
}

func (f *diskFile) Fsync(ctx context.Context, flags uint32) syscall.Errno {
	if errno := f.disk.meet(atFsync); errno != 0 {
		return errno
	}
	return f.LoopbackFile.Fsync(ctx, flags)
}

func (f *diskFile) Allocate(ctx context.Context, off, size uint64, mode uint32) syscall.Errno {
	if errno := f.disk.meet(atWrite); errno != 0 {
		return errno
	}
	return f.LoopbackFile.Allocate(ctx, off, size, mode)
}

// Whatever the disk does, audio is untouched and calls go on; a recording ends in order or goes on, and the log has few alarms.
func TestDiskThatIsFullSlowOrBroken(t *testing.T) {
	t.Parallel()
	length := 4 * time.Second
	if *full {
		length = 20 * time.Second
	}
	for _, tt := range []struct {
		name      string
		fault     diskFault
		recording string // what becomes of it: ends, or goes on
		short     bool
	}{
		{"full", diskFault{err: syscall.ENOSPC}, "ends", true},
		{"EIO", diskFault{err: syscall.EIO}, "ends", false},
		{"read-only", diskFault{err: syscall.EROFS}, "ends", false},
		{"slow: 200 ms a write", diskFault{write: 200 * time.Millisecond}, "", false},
		{"slow: fsync takes 5 s", diskFault{fsync: 5 * time.Second}, "goes on", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !*full && !tt.short {
				t.Skip("part of make faults, not of the short form")
			}
			d, data := newDisk(t)
			s := startServer(t, nil, "127.0.0.1", data)
			s.room("1000", "--no-pin")
			s.room("1001", "--no-pin")
			const hz, level = 600, -15.0
			listener, talker := s.dial("127.0.0.1", "1000", phone.Options{From: "listener"}), s.dial("127.0.0.1", "1000", phone.Options{From: "talker"})
			talker.Say(phone.Tone(hz, level))
			events := s.follow("1000")
			s.run("record", "start", "1000")
			time.Sleep(3 * time.Second)
			usual := shareHeard(listener.Heard(2*time.Second), hz, level)
			before := len(s.alarms())
			from := len(listener.Packets())
			d.fault.Store(&tt.fault)
			var longest time.Duration
			calls := 0
			for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(time.Second) {
				began := time.Now()
				call := s.dial("127.0.0.1", "1001", phone.Options{From: "visitor"})
				longest = max(longest, time.Since(began))
				calls++
				_ = call.Hangup()
			}
			heard := shareHeard(phone.Assemble(listener.Packets()[from:]), hz, level)
			stopped := events.count("stoprecord") > 0
			alarms := s.alarms()[before:]
			hits := d.hits.Load()
			d.fault.Store(new(diskFault))
			state := map[bool]string{true: "ends", false: "goes on"}[stopped]
			reached(t, "disk "+tt.name, "audio untouched, calls go on, one alarm, recording stops cleanly",
				"tone at its level for %.2f %% of %v, before for %.2f %%; %d calls answered, the slowest after %.0f ms; recording %s; alarms: %d; %d operations met it",
				100*heard, length, 100*usual, calls, float64(longest)/1e6, state, len(alarms), hits)
			if hits == 0 {
				t.Error("nothing was written meanwhile: this proves nothing")
			}
			if heard < usual-0.05 || longest > 2*time.Second {
				t.Errorf("heard %v, before %v; slowest answer %v", heard, usual, longest)
			}
			if tt.recording != "" && state != tt.recording {
				t.Errorf("the recording %s, want that it %s", state, tt.recording)
			}
			// One of each who writes: recording, history of calls, what goes on, registrations, failures at PINs.
			if len(alarms) > 5 {
				t.Errorf("%d alarms: %q", len(alarms), alarms)
			}
			// Once it is over all is as it was, and what was recorded can be played.
			s.wait("room that is changed", 20*time.Second, func() bool { _, err := s.try("room", "set", "1001", "--name", "Mended"); return err == nil })
			if !stopped {
				s.run("record", "stop", "1000")
			}
			s.wait("end of the recording", 20*time.Second, func() bool { return events.count("stoprecord") > 0 })
			files, err := filepath.Glob(filepath.Join(data, "recordings", "*.wav"))
			if err != nil || len(files) != 1 {
				t.Fatalf("recordings %q, %v", files, err)
			}
			wav, err := os.ReadFile(files[0])
			if err != nil || !bytes.HasPrefix(wav, []byte("RIFF")) || len(wav) < 16000 {
				t.Errorf("the recording has %d octets, %v", len(wav), err)
			}
		})
	}
}

// alarms are the lines of warnings and errors in the server's log.
func (s *server) alarms() (lines []string) {
	text, _ := os.ReadFile(s.log)
	for line := range strings.SplitSeq(string(text), "\n") {
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") {
			lines = append(lines, line)
		}
	}
	return lines
}
