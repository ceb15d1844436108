package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// ErrKey is returned by Open where the key file does not hold the key that the secrets of the database are sealed with.
var ErrKey = errors.New("the key of the database's secrets is not there")

const (
	keySize   = 32 // AES-256
	keyIDSize = 4
)

// KeyFile is where the key of a database is, unless WithKeyFile says otherwise: beside it, and in no backup.
func KeyFile(database string) string { return filepath.Join(filepath.Dir(database), "secrets.key") }

// keyring holds the keys of a key file: a line for each in base64, and the first one seals. There are several only while one
// takes the place of another.
type keyring struct {
	file string

	mu   sync.Mutex
	keys []secretKey
}

type secretKey struct {
	id   [keyIDSize]byte // of its hash: what is sealed says by which key
	raw  []byte
	aead cipher.AEAD
}

func newSecretKey(raw []byte) (secretKey, error) {
	if len(raw) != keySize {
		return secretKey{}, fmt.Errorf("a key has %d octets, %d are right", len(raw), keySize)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return secretKey{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return secretKey{}, err
	}
	sum := sha256.Sum256(raw)
	return secretKey{id: [keyIDSize]byte(sum[:]), raw: raw, aead: aead}, nil
}

func randomKey() (secretKey, error) {
	raw := make([]byte, keySize)
	rand.Read(raw)
	return newSecretKey(raw)
}

// load reads the key file anew.
func (k *keyring) load() error {
	text, err := os.ReadFile(k.file)
	if err != nil {
		return err
	}
	var keys []secretKey
	for _, line := range strings.Fields(string(text)) {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return fmt.Errorf("key file %s: it holds what is no key", k.file)
		}
		key, err := newSecretKey(raw)
		if err != nil {
			return fmt.Errorf("key file %s: %w", k.file, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return fmt.Errorf("key file %s: it holds no key", k.file)
	}
	k.mu.Lock()
	k.keys = keys
	k.mu.Unlock()
	return nil
}

// create makes the key file with a new key, where there is none; of two processes that do so the first one's counts.
func (k *keyring) create() error {
	key, err := randomKey()
	if err != nil {
		return err
	}
	if err := writeKeys(k.file, false, key); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the key file %s: %w", k.file, err)
	}
	return k.load()
}

// writeKeys writes a key file (mode 0400) in one step, and only where there is none unless it replaces one.
func writeKeys(file string, replace bool, keys ...secretKey) (err error) {
	var text bytes.Buffer
	for _, key := range keys {
		fmt.Fprintln(&text, base64.StdEncoding.EncodeToString(key.raw))
	}
	draft, err := os.CreateTemp(filepath.Dir(file), ".key-")
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, draft.Close())
		if removed := os.Remove(draft.Name()); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	if _, err := draft.Write(text.Bytes()); err != nil {
		return err
	}
	if err := errors.Join(draft.Chmod(0o400), draft.Sync()); err != nil {
		return err
	}
	if replace {
		err = os.Rename(draft.Name(), file)
	} else {
		err = os.Link(draft.Name(), file)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// find returns the key with an id. The file is read again where it is not known: another process may have changed it.
func (k *keyring) find(id []byte) (secretKey, error) {
	for again := false; ; again = true {
		k.mu.Lock()
		for _, key := range k.keys {
			if bytes.Equal(key.id[:], id) {
				k.mu.Unlock()
				return key, nil
			}
		}
		k.mu.Unlock()
		if again {
			return secretKey{}, k.lacks(id)
		}
		if err := k.load(); err != nil {
			return secretKey{}, k.unreadable(id, err)
		}
	}
}

func (k *keyring) lacks(id []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var ids []string
	for _, key := range k.keys {
		ids = append(ids, hex.EncodeToString(key.id[:]))
	}
	return fmt.Errorf("%w: they are sealed with key %x, and the key file %s has key %s; give the right file with --key-file", ErrKey, id,
		k.file, strings.Join(ids, ", "))
}

func (k *keyring) unreadable(id []byte, err error) error {
	return fmt.Errorf("%w: they are sealed with key %x, and its file cannot be read: %w; put the file back, or say where it is with --key-file",
		ErrKey, id, err)
}

// seal encrypts a secret of an owner, such as "room ID pin": nowhere else can it be opened. nil: there is none.
func (k *keyring) seal(secret, owner string) ([]byte, error) {
	if secret == "" {
		return nil, nil
	}
	if err := k.load(); err != nil { // a key that another process has just put in the place of ours
		return nil, fmt.Errorf("seal a secret: %w", err)
	}
	k.mu.Lock()
	key := k.keys[0]
	k.mu.Unlock()
	nonce := make([]byte, key.aead.NonceSize())
	rand.Read(nonce)
	return key.aead.Seal(append(key.id[:], nonce...), nonce, []byte(secret), []byte(owner)), nil
}

// open decrypts what seal has made.
func (k *keyring) open(sealed []byte, owner string) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	if len(sealed) < keyIDSize {
		return "", fmt.Errorf("%w: a secret of %s is cut off", ErrDamaged, owner)
	}
	key, err := k.find(sealed[:keyIDSize])
	if err != nil {
		return "", err
	}
	rest := sealed[keyIDSize:]
	if len(rest) < key.aead.NonceSize() {
		return "", fmt.Errorf("%w: a secret of %s is cut off", ErrDamaged, owner)
	}
	secret, err := key.aead.Open(nil, rest[:key.aead.NonceSize()], rest[key.aead.NonceSize():], []byte(owner))
	if err != nil {
		return "", fmt.Errorf("%w: a secret of %s has been changed, or is another's", ErrDamaged, owner)
	}
	return string(secret), nil
}
