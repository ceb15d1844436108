package rooms

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// AddedVoice tells what AddVoice has taken.
type AddedVoice struct {
	Language   string           // empty: not known
	Sounds     int              // files taken
	Unreadable []UnreadableFile // files left out
}

// AddVoice copies the sounds of a directory into a new one of the name in dir, the directory of the operator's voices,
// where LoadVoices finds them. The sounds lie as in Asterisk: conf-getpin.wav, digits/1.wav. The language is a code such
// as "ru"; where it is empty that of the name is taken, or else that of the directory. What cannot be read is left out;
// the error tells that nothing is left, or none of the sounds that a voice is made of.
func AddVoice(dir, name, from, language string) (AddedVoice, error) {
	if err := CheckVoiceName(name); err != nil {
		return AddedVoice{}, err
	}
	target := filepath.Join(dir, name)
	if _, err := os.Stat(target); err == nil {
		return AddedVoice{}, fmt.Errorf("voice %s exists already; remove it first, or choose another name", name)
	}
	if info, err := os.Stat(from); err != nil {
		return AddedVoice{}, fmt.Errorf("find the sounds: %w", err)
	} else if !info.IsDir() {
		return AddedVoice{}, fmt.Errorf("%s is no directory; give the one that the sounds lie in", from)
	}
	found, err := findSounds(os.DirFS(from))
	if err != nil {
		return AddedVoice{}, fmt.Errorf("%s: %w", from, err)
	}
	if err := expectVoice(from, found); err != nil {
		return AddedVoice{}, err
	}
	added := AddedVoice{Language: language, Unreadable: found.unreadable}
	for _, text := range []string{name, filepath.Base(filepath.Clean(from))} {
		if added.Language == "" {
			added.Language = languageOfName(text)
		}
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return AddedVoice{}, fmt.Errorf("create the directory of voices: %w", err)
	}
	// A name with a dot is no voice's, so nobody takes the copy for one before it is whole.
	draft, err := os.MkdirTemp(dir, ".adding-")
	if err != nil {
		return AddedVoice{}, fmt.Errorf("copy voice: %w", err)
	}
	defer os.RemoveAll(draft)
	if err := added.copy(draft, from, found); err != nil {
		return AddedVoice{}, err
	}
	if err := os.WriteFile(filepath.Join(draft, voiceLanguageFile), []byte(added.Language+"\n"), 0o640); err != nil {
		return AddedVoice{}, fmt.Errorf("copy voice: %w", err)
	}
	if err := errors.Join(os.Chmod(draft, 0o750), os.Rename(draft, target)); err != nil {
		return AddedVoice{}, fmt.Errorf("copy voice: %w", err)
	}
	return added, nil
}

// copy copies the sounds that can be read, and counts them and the others.
func (a *AddedVoice) copy(target, from string, found foundSounds) error {
	files := os.DirFS(from)
	var readable []string
	for _, name := range slices.Sorted(maps.Keys(found.files)) {
		file := found.files[name]
		if _, err := readSoundFile(files, file); err != nil {
			a.Unreadable = append(a.Unreadable, UnreadableFile{file, err})
			continue
		}
		readable = append(readable, file)
	}
	if !slices.ContainsFunc(readable, func(file string) bool { return isVoiceSound(strings.TrimSuffix(file, filepath.Ext(file))) }) {
		return fmt.Errorf("no prompt in %s can be read; the first of %d: %s", from, len(a.Unreadable), a.Unreadable[0])
	}
	for _, file := range readable {
		if err := copyFile(filepath.Join(target, filepath.FromSlash(file)), files, file); err != nil {
			return fmt.Errorf("copy voice: %w", err)
		}
	}
	a.Sounds = len(readable)
	return nil
}

func copyFile(target string, files fs.FS, name string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return err
	}
	in, err := files.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// RemoveVoice removes a voice of the operator's from dir. Calls that it is speaking to are not harmed.
func RemoveVoice(dir, name string) error {
	if err := CheckVoiceName(name); err != nil {
		return err
	}
	target := filepath.Join(dir, name)
	_, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist) && slices.Contains(builtinLanguages, name):
		return fmt.Errorf("voice %s is built in and cannot be removed", name)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no such voice: %s", name)
	case err != nil:
		return fmt.Errorf("remove voice %s: %w", name, err)
	}
	// In one step at first, so that a server that looks meanwhile finds it whole or not at all.
	trash := filepath.Join(dir, ".removing-"+name)
	if err := errors.Join(os.RemoveAll(trash), os.Rename(target, trash), os.RemoveAll(trash)); err != nil {
		return fmt.Errorf("remove voice %s: %w", name, err)
	}
	return nil
}

// CheckVoiceName refuses what cannot be the name of a voice: 1 to 64 letters, digits, - and _, of which the first is a
// letter.
func CheckVoiceName(name string) error {
	const longest = 64
	valid := name != "" && len(name) <= longest
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		valid = valid && (letter || i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '_'))
	}
	if !valid {
		return fmt.Errorf("voice name %q: it takes up to %d letters, digits, - and _, beginning with a letter, for example de_AT", name, longest)
	}
	return nil
}

// isVoiceSound tells whether a sound is one that is spoken to callers, or a piece of a number.
func isVoiceSound(name string) bool {
	return slices.Contains(wholePrompts, name) || strings.HasPrefix(name, "digits/")
}

// expectVoice refuses a directory that holds nothing that a caller is told, and says what would be.
func expectVoice(dir string, found foundSounds) error {
	inside := ""
	for name := range found.files {
		if isVoiceSound(name) {
			return nil
		}
		if folder, rest, _ := strings.Cut(name, "/"); isVoiceSound(rest) && (inside == "" || folder < inside) {
			inside = folder
		}
	}
	for _, u := range found.unreadable {
		if isVoiceSound(strings.TrimSuffix(u.File, filepath.Ext(u.File))) {
			return fmt.Errorf("no prompt in %s can be read; the first of %d: %s", dir, len(found.unreadable), u)
		}
	}
	if inside != "" {
		return fmt.Errorf("%s holds no voice, but its directory %s does; give that", dir, filepath.Join(dir, inside))
	}
	return fmt.Errorf("%s holds no voice: it has none of the sounds %s and digits/0 to digits/9, as .wav or .sln",
		dir, strings.Join(PromptNames(), ", "))
}
