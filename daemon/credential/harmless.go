package credential

// Harmless is the API of a kind by which a token can be drawn beside whoever
// keeps it: each draw gives the same one again, and ends none.
func Harmless(kind string) string {
	form, _ := FormOf(kind)
	for _, api := range form.APIs {
		if traits, _ := TraitsOf(kind, api); !traits.Replaces {
			return api
		}
	}
	return ""
}
