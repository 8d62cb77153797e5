package proto

import goplugin "github.com/hashicorp/go-plugin"

// Name is the one plugin that both sides dispense.
const Name = "rapport"

// MaxHeader is the limit in bytes of gRPC headers and trailers, both ways.
const MaxHeader = 64 << 10

// Handshake returns what both sides must agree on before they speak gRPC. The cookie tells a plugin from a program
// that was started by hand; it is not a secret.
func Handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{
		ProtocolVersion:  1,
		MagicCookieKey:   CookieKey,
		MagicCookieValue: CookieValue,
	}
}

// The cookie of the handshake, an environment variable of the plugin process.
const (
	CookieKey   = "RAPPORT_PLUGIN"
	CookieValue = "a2f1c0de-rapport-extension-1"
)
