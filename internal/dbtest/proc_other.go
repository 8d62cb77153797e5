//go:build !linux

package dbtest

import "os/exec"

// dieWithParent does nothing where the kernel offers no parent-death signal:
// there a killed test process leaves its server behind.
func dieWithParent(*exec.Cmd) {}
