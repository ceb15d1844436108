package rooms

// profile is what the options of a room are to a caller: a moderator is admin and marked, and neither waits for a leader nor
// is let in muted.
func (o Options) profile(moderator bool) Options {
	if moderator {
		o.Admin, o.Marked = true, true
		o.WaitMarked, o.EndMarked, o.StartMuted = false, false, false
	}
	return o
}

// role is what a member with these options is to the others.
func (o Options) role() role {
	return role{
		marked:       o.Marked,
		waitMarked:   o.WaitMarked,
		endMarked:    o.EndMarked,
		endMarkedAny: o.EndMarkedAny,
		music:        o.MusicOnHoldWhenEmpty,
	}
}

// asksName tells that a caller is to say his name. Nobody is asked for what will not be played.
func (o Options) asksName() bool {
	return (o.AnnounceJoinLeave || o.AnnounceJoinLeaveReview) && o.Announcements && !o.Quiet
}
