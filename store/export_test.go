package store

// Inspect is what Open does before it takes a lock.
var Inspect = inspect
