// Package proto is the wire between a host and a plugin process: protobuf messages, gRPC services, and the
// translation to and from the words of package plugin. Nothing generated appears in another package's signatures.
//
// Plugins in other languages are written against rapport_plugin_v1.proto.
//
// Start with [Handshake] for how both sides meet and [ToFault] for how refusals travel.
package proto

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative rapport_plugin_v1.proto
