package files

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean writes a name so that it can stand in any report: bytes that are no UTF-8,
// control and format characters (escape codes, line breaks, direction marks) become
// \x and \u escapes, a backslash is doubled. Different names stay different.
func clean(name string) string {
	plain := true
	for i := 0; i < len(name) && plain; i++ {
		plain = name[i] >= ' ' && name[i] < 0x7f && name[i] != '\\'
	}
	if plain {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		c, n := utf8.DecodeRuneInString(name[i:])
		switch {
		case c == utf8.RuneError && n == 1, c < ' ', c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, name[i])
		case c == '\\':
			b.WriteString(`\\`)
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
		i += n
	}
	return b.String()
}
