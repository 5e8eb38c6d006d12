package credential

import "slices"

// FormOf returns that of a kind; false if there is no such kind.
func FormOf(kind string) (Form, bool) {
	all := Kinds()
	i := slices.IndexFunc(all, func(f Form) bool { return f.Kind == kind })
	if i < 0 {
		return Form{}, false
	}
	return all[i], true
}

// Owner is the name under which the credential of an account keeps its state in
// Redis. A ticket has another one than the token that it is drawn with, so that
// two of them under one key are told apart.
func Owner(kind, account string) string {
	if form, _ := FormOf(kind); form.Parent != "" {
		return kind + ":" + account
	}
	return account
}
