// Package schedule reads AWS's schedule expressions and tells when they fall due, when
// a maintenance window is open and when a freeze holds.
//
// The dialect is that of EventBridge: cron() with six fields (minutes, hours, day of
// month, month, day of week with SUN = 1, year) and the marks L, W, # and ?; rate();
// at(). A cron or at expression is read in a time zone of the IANA database. Daylight
// saving time follows EventBridge Scheduler: a time that a change of clocks leaves out
// is no occurrence, one that comes twice is one occurrence, the first. A window is
// kinder, see Window.
package schedule
