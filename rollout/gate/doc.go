// Package gate is what a ring waits for: before it moves an approval, an open window and
// no freeze; after it a soak, in which alarms and health checks of the user's own are
// watched.
//
// Unknown is not good. An alarm that does not exist, has no data or cannot be read, and a
// check that could not be made, neither roll a ring back nor let it pass: the soak goes
// on until they are known, and when they stay unknown for Patience beyond its end, the
// verdict is Unknown, which stops later rings for a person to look.
package gate
