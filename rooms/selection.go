package rooms

import (
	"fmt"
	"strconv"
)

// Selection says which members of a conference an order is for. Exactly one field is set.
type Selection struct {
	Member       int  // the one of this number, from 1
	All          bool // everybody
	Last         bool // who came last
	Participants bool // all who are not moderators
}

// ParseSelection reads what String writes: the number of a member, all, last or participants.
func ParseSelection(text string) (Selection, error) {
	for _, s := range []Selection{{All: true}, {Last: true}, {Participants: true}} {
		if text == s.String() {
			return s, nil
		}
	}
	number, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return Selection{}, fmt.Errorf("member %q: it takes the number of a member, all, last or participants", text)
	case number < 1:
		return Selection{}, fmt.Errorf("member %d: the numbers of members begin with 1", number)
	}
	return Selection{Member: number}, nil
}

// String is the selection in a word, as paths and logs have it.
func (s Selection) String() string {
	switch {
	case s.All:
		return "all"
	case s.Last:
		return "last"
	case s.Participants:
		return "participants"
	}
	return strconv.Itoa(s.Member)
}
