// Package privacy keeps personal data the way people were promised: sealed at rest, read for a purpose, and used to
// reach somebody only where consent or another legal basis allows it.
//
//	s := c.As(ident.User("acme", "u-17", "marketing"), privacy.Marketing)
//	_, err := s.Consents.Give(ctx, privacy.ConsentDraft{Subject: ada.ID, Channel: privacy.ByEmail,
//		Notice: privacy.NoticeOf("newsletter-3", text), Act: privacy.Ticked, Evidence: "form /signup"})
//	d, err := s.Sends.Deliver(ctx, privacy.Send{Key: "news-2026-05/" + ada.ID.String(), Subject: ada.ID, Channel: privacy.ByEmail},
//		func(ctx context.Context, to personal.Text) error { return smtp.Send(ctx, to.Reveal(), message) })
//	if errors.Is(err, fault.ErrNoConsent) { log.Print(d.Code, d.Evidence) }
//
// What subjects said is only ever added to; where they stand is computed from all of it ([Consents.At]), for merged
// customers from what each of them said. Every contact is decided from that, the [Purpose] and the [Suppression] list
// at the moment the address is opened ([Sends.Deliver]), and the decision is kept with its reason and evidence.
//
// What seals values is in [github.com/rapport-crm/rapport/privacy/keys], who may see them in
// [github.com/rapport-crm/rapport/privacy/access].
//
// Start with [Consents] and [Sends].
package privacy
