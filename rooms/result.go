package rooms

// The results of a visit, spelt as ConfBridge spells them; LOCKED, FULL, DECLINED and NOANSWER are our own.
const (
	// ResultFailed: the PIN was not entered rightly in three tries.
	ResultFailed = "FAILED"
	// ResultHangup: the caller hung up, or his audio ceased.
	ResultHangup = "HANGUP"
	// ResultKicked: an operator or a moderator removed the member.
	ResultKicked = "KICKED"
	// ResultEndMarked: the last leader has left, or any where that is enough.
	ResultEndMarked = "ENDMARKED"
	// ResultDTMF: the member left by a key of the menu.
	ResultDTMF = "DTMF"
	// ResultTimeout: the time that the room's option timeout allows was over.
	ResultTimeout = "TIMEOUT"
	// ResultLocked: the conference was locked.
	ResultLocked = "LOCKED"
	// ResultDeclined: who was called in does not want to come.
	ResultDeclined = "DECLINED"
	// ResultNoAnswer: who was called in has answered, but pressed no key: a voicemail, perhaps.
	ResultNoAnswer = "NOANSWER"
	// ResultFull: the conference had as many members as max_members allows.
	ResultFull = "FULL"
)
