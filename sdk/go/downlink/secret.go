package downlink

// secret is a text that fmt does not show, however deep it lies in what is printed and whatever
// the verb: methods of unexported fields are not called, and pointers below the top are not
// followed.
type secret struct {
	text *string
}

func newSecret(text string) secret {
	return secret{text: &text}
}

// reveal returns the text, for the one place that needs it.
func (s secret) reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}
