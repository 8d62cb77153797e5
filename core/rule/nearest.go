package rule

// Nearest returns the name that s was probably meant to be: the one of least edit distance, if that is at most two
// and less than half of s; "" when none is near. Of equally near names the first wins.
func Nearest(s string, names []string) string {
	if len(s) > 200 {
		return ""
	}
	best, limit := "", min(2, (len(s)-1)/2)
	for _, n := range names {
		if len(n) > 200 || n == s {
			continue
		}
		if d := distance(s, n, limit); d <= limit {
			best, limit = n, d-1
		}
	}
	return best
}

// distance counts insertions, deletions, replacements and swaps of neighbours; any result above limit means "more".
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
