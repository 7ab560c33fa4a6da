// Package witness holds a finished run against what others say: AWS as terratest
// and the SDK see it, and Debian's own tools. The suites on the twin and on a real
// account share it.
package witness
