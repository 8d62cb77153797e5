package proto

import (
	"context"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Recover is a server interceptor that turns a panic into a gRPC status: grpc-go itself lets the process die. The
// stack goes to the default logger, the panic's value, which may be personal data, nowhere.
func Recover(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if recover() != nil {
			slog.ErrorContext(ctx, "plugin: panic", "method", info.FullMethod, "stack", string(debug.Stack()))
			resp, err = nil, status.Error(codes.Internal, "panic")
		}
	}()
	return handle(ctx, req)
}
