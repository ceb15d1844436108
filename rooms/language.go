package rooms

import "log/slog"

// voicesOf are the voices that a caller of a room is spoken to with, and that all in the room are. They differ where the
// room lets a caller's phone choose the language of what is for him alone.
func (h *House) voicesOf(room Room, caller Caller, log *slog.Logger) (own, all *Voice) {
	h.mu.Lock()
	voices := h.voices
	h.mu.Unlock()
	all, ok := voices.Voice(room.Options.Language)
	if !ok {
		log.Warn("the room's voice is not there", "language", room.Options.Language, "instead", standardVoice)
		all, _ = voices.Voice(standardVoice)
	}
	own = all
	if room.Options.CallerLanguage {
		if name, ok := voices.Prefer(caller.Language); ok {
			own, _ = voices.Voice(name)
		}
	}
	if own == all {
		all = all.With(room.Sounds)
		return all, all
	}
	return own.With(room.Sounds), all.With(room.Sounds)
}

// voiceOf is the voice that a caller is spoken to with outside of rooms.
func (h *House) voiceOf(caller Caller) *Voice {
	h.mu.Lock()
	voices := h.voices
	h.mu.Unlock()
	name, ok := voices.Prefer(caller.Language)
	if !ok {
		name = standardVoice
	}
	voice, _ := voices.Voice(name)
	return voice
}
