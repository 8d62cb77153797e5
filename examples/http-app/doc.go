// Command http-app is a small web service over the CRM, with net/http alone:
//
//	GET  /customers/{id}                one customer, as the caller's role may see it
//	GET  /opportunities?limit=&cursor=  a list, page by page
//	POST /opportunities/{id}/move       {"stage": "proposal"}
//
// A fault answers as problem details (RFC 9457) in the language of Accept-Language, English or Chinese.
//
//	go run ./examples/http-app                          # serves, asks itself, prints the answers, ends
//	go run ./examples/http-app --listen localhost:8080  # serves until interrupted
//
// Who calls is told by a token: "Authorization: Bearer vera" (a viewer) or "Bearer sam" (in sales). A real host has its
// own way to know its users.
//
// Start with the type server.
package main
