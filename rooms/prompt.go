package rooms

import "slices"

// The prompts, by the file names that Asterisk gives them. Those that it does not have are named in its manner.
const (
	promptGetPIN     = "conf-getpin"
	promptInvalidPIN = "conf-invalidpin"
	promptLocked     = "conf-locked"
	promptFull       = "conf-full"

	promptRecordName = "vm-rec-name"
	promptReviewName = "vm-review"
	promptNameSaved  = "vm-msgsaved"
	promptThankYou   = "auth-thankyou"

	promptOnlyPerson    = "conf-onlyperson"
	promptOnlyOne       = "conf-onlyone" // there is one other
	promptThereAre      = "conf-thereare"
	promptOtherInParty  = "conf-otherinparty"
	promptWaitForLeader = "conf-waitforleader"
	promptBegin         = "confbridge-conf-begin"
	promptParticipant   = "conf-participant" // in the place of a name
	promptAnd           = "conf-and"
	promptHasJoined     = "conf-hasjoin"
	promptHaveJoined    = "conf-havejoined"
	promptHasLeft       = "conf-hasleft"
	promptHaveLeft      = "conf-haveleft"
	promptLeaderLeft    = "conf-leaderhasleft"

	promptMuted        = "conf-muted"
	promptUnmuted      = "conf-unmuted"
	promptNowMuted     = "conf-now-muted" // all participants are
	promptNowUnmuted   = "conf-now-unmuted"
	promptLockedNow    = "conf-lockednow"
	promptUnlockedNow  = "conf-unlockednow"
	promptKicked       = "conf-kicked"
	promptNowRecording = "conf-now-recording"
	promptNotRecording = "conf-not-recording" // any more
	promptClosing      = "conf-closing"       // the server ends

	promptUserMenu  = "conf-usermenu"
	promptAdminMenu = "conf-adminmenu"
	promptErrorMenu = "conf-errormenu"

	promptNoNumber = "pbx-invalid" // of a transfer: no room has it

	promptInvited = "conf-invited" // by a room, whose number follows
	promptJoinKey = "conf-joinkey" // what joins

	toneJoin  = "confbridge-join"
	toneLeave = "confbridge-leave"
	toneBeep  = "beep"
)

// wholePrompts lists the prompts and tones that say something by themselves, which every voice is looked at for.
// Numbers and what joins the parts of a sentence are a matter of each language's grammar.
var wholePrompts = []string{
	promptGetPIN, promptInvalidPIN, promptLocked, promptFull,
	promptRecordName, promptReviewName, promptNameSaved, promptThankYou,
	promptOnlyPerson, promptOnlyOne, promptThereAre, promptOtherInParty, promptWaitForLeader, promptBegin,
	promptParticipant, promptHasJoined, promptHasLeft, promptLeaderLeft,
	promptMuted, promptUnmuted, promptNowMuted, promptNowUnmuted, promptLockedNow, promptUnlockedNow,
	promptKicked, promptNowRecording, promptNotRecording, promptClosing, promptUserMenu, promptAdminMenu, promptErrorMenu, promptNoNumber,
	promptInvited, promptJoinKey,
	toneJoin, toneLeave, toneBeep,
}

// PromptNames lists the prompts and tones that are played as such, in alphabetical order: conf-getpin, beep … They are
// what a room's sounds may replace, and what a voice of the operator's own is looked at for.
func PromptNames() []string { return slices.Sorted(slices.Values(wholePrompts)) }
