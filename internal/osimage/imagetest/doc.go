// Package imagetest makes real disk images for tests of what reads them, and holds
// what was read against the folder that the image was made from. It is for
// Linux only, where the programs that make images are.
package imagetest
