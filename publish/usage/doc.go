// Package usage finds out who uses an image, or proves that nobody does.
//
// A Census reads a cell whole: live instances, every version of every launch
// template, launch configurations, Auto Scaling groups with what their next instance
// would launch from, and every parameter. What could not be read is part of the
// answer: as long as anything is unknown, nothing is proved to be unused.
package usage
