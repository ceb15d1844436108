// Package faults proves what the server survives, on the real thing: the built program in a network namespace of its own, called by real
// phones through a network that loses, delays, reorders and doubles, on a file system that is full, slow or broken, attacked, stopped and
// starved. There is nothing but tests in it.
//
//	make faults    # all of it, with a table of the figures
//
// A short form is part of make test. It needs Linux and root, or user namespaces; what cannot run is skipped with the reason. Nothing of
// what it does can be seen outside of the namespaces that it makes.
package faults
