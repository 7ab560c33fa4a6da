//go:build !race

package wire_test

// raced says that the race detector makes everything slow.
const raced = false
