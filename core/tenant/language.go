package tenant

import "strings"

// languageTag brings a tag of language, script, region and variants into the usual case: zh-Hans-CN. An empty one is the
// default. Extensions and private tags are refused: nothing here could tell them apart.
func languageTag(s string) (tag string, ok bool) {
	if s == "" {
		return DefaultLanguage, true
	}
	if len(s) > 35 {
		return "", false
	}
	parts := strings.Split(strings.ToLower(s), "-")
	if !only(parts[0], letter, 2, 3) {
		return "", false
	}
	i := 1
	if i < len(parts) && only(parts[i], letter, 4, 4) {
		parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		i++
	}
	if i < len(parts) && (only(parts[i], letter, 2, 2) || only(parts[i], digit, 3, 3)) {
		parts[i] = strings.ToUpper(parts[i])
		i++
	}
	for _, p := range parts[i:] {
		if !variant(p) {
			return "", false
		}
	}
	return strings.Join(parts, "-"), true
}

func variant(s string) bool {
	return only(s, either, 5, 8) || only(s, either, 4, 4) && digit(s[0])
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' }

func digit(c byte) bool { return '0' <= c && c <= '9' }

func either(c byte) bool { return letter(c) || digit(c) }

// only reports whether s has from least to most bytes, all of a kind.
func only(s string, kind func(byte) bool, least, most int) bool {
	for i := range len(s) {
		if !kind(s[i]) {
			return false
		}
	}
	return least <= len(s) && len(s) <= most
}
