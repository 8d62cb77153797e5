package pluginhost

import (
	"cmp"
	"encoding/hex"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
)

// Config says what to run and how to look after it. Command and SHA256 are required.
type Config struct {
	// Command is the executable and its arguments. A name without a separator is looked up in PATH.
	Command []string
	// SHA256 is the checksum of the executable in hexadecimal; [Checksum] computes it. It is verified before each
	// start. For an interpreter it covers the interpreter, not the script. Computed from the same file at start, it
	// shows that the file has not changed since, and nothing about where it came from.
	SHA256 string
	// ManifestSHA256 pins the contract: Manifest.Digest of the manifest that an administrator has approved.
	// Defaults to none: the first start's manifest is taken, and later starts must show the same one.
	ManifestSHA256 string
	// Env are further environment variables of the process, "NAME=value". Defaults to none. TMPDIR and HOME are the
	// private directory unless given here.
	Env []string
	// PassEnv names variables of the host's own environment that the process may see. Defaults to none.
	PassEnv []string
	// TempDir is where the private directories are made. Sockets lie in them, so its path must be short: at most 50
	// bytes on Unix. Defaults to os.TempDir, or /tmp where that is too long.
	TempDir string
	// Logger gets the life of the process and what it prints, at most 50 lines a second of it. Defaults to slog.Default.
	Logger *slog.Logger

	// StartTimeout bounds one start, up to readiness. Defaults to 10 seconds.
	StartTimeout time.Duration
	// PingEvery, PingTimeout and PingMisses say when a process that does not answer is dead: so many pings in a row
	// without an answer in time. Default to 1 second, 500 milliseconds and 3.
	PingEvery, PingTimeout time.Duration
	PingMisses             int // see PingEvery
	// CallTimeout bounds a Deliver or Invoke whose context has no deadline. Defaults to 30 seconds.
	CallTimeout time.Duration
	// WaitReady is how long a call waits for a process that is being started again. Defaults to 2 seconds.
	WaitReady time.Duration
	// Inflight is how many calls the process gets at once; more wait. Defaults to 32.
	Inflight int
	// BackoffMin and BackoffMax bound the pause before a new start. It doubles with each crash and is drawn at
	// random between half and all of it; a process that stays up for CrashWindow starts over. Default to 100
	// milliseconds and 1 minute.
	BackoffMin, BackoffMax time.Duration
	// MaxCrashes within CrashWindow put the process into quarantine, until [Process.Resume]. Default to 5 and 10
	// minutes.
	MaxCrashes  int
	CrashWindow time.Duration // see MaxCrashes
}

func (c Config) withDefaults() (Config, error) {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	c.StartTimeout = cmp.Or(c.StartTimeout, 10*time.Second)
	c.PingEvery = cmp.Or(c.PingEvery, time.Second)
	c.PingTimeout = cmp.Or(c.PingTimeout, 500*time.Millisecond)
	c.PingMisses = cmp.Or(c.PingMisses, 3)
	c.CallTimeout = cmp.Or(c.CallTimeout, 30*time.Second)
	c.WaitReady = cmp.Or(c.WaitReady, 2*time.Second)
	c.Inflight = cmp.Or(c.Inflight, 32)
	c.BackoffMin = cmp.Or(c.BackoffMin, 100*time.Millisecond)
	c.BackoffMax = cmp.Or(c.BackoffMax, time.Minute)
	c.MaxCrashes = cmp.Or(c.MaxCrashes, 5)
	c.CrashWindow = cmp.Or(c.CrashWindow, 10*time.Minute)
	c.TempDir = cmp.Or(c.TempDir, tempDir())
	if abs, err := filepath.Abs(c.TempDir); err == nil { // the process has another working directory
		c.TempDir = abs
	}
	return c, c.validate()
}

// maxTempDir keeps socket paths below the limit of the system, 104 bytes on some.
const maxTempDir = 50

func tempDir() string {
	if dir := os.TempDir(); runtime.GOOS == "windows" || len(dir) <= maxTempDir {
		return dir
	}
	return "/tmp"
}

func (c *Config) validate() error {
	var v fault.Violations
	if len(c.Command) == 0 {
		v.Add("Config.Command", "must name the plugin's executable")
	} else if path, err := executable(c.Command[0]); err != nil {
		v.Add("Config.Command", "%q is not an executable: %v", c.Command[0], err)
	} else {
		c.Command = append([]string{path}, c.Command[1:]...)
	}
	if b, err := hex.DecodeString(c.SHA256); err != nil || len(b) != 32 {
		v.Add("Config.SHA256", "must be 64 hexadecimal digits: pluginhost.Checksum computes them")
	}
	for _, e := range c.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" || strings.ContainsRune(e, 0) {
			v.Add("Config.Env", "want NAME=value without NUL")
		}
	}
	if runtime.GOOS != "windows" && len(c.TempDir) > maxTempDir {
		v.Add("Config.TempDir", "must be at most %d bytes long, since sockets lie in it, is %d", maxTempDir, len(c.TempDir))
	}
	times := map[string]time.Duration{
		"StartTimeout": c.StartTimeout, "PingEvery": c.PingEvery, "PingTimeout": c.PingTimeout, "CallTimeout": c.CallTimeout,
		"WaitReady": c.WaitReady, "BackoffMin": c.BackoffMin, "BackoffMax": c.BackoffMax, "CrashWindow": c.CrashWindow,
	}
	for _, name := range slices.Sorted(maps.Keys(times)) {
		if times[name] < 0 {
			v.Add("Config."+name, "must not be negative")
		}
	}
	if c.PingMisses < 0 || c.Inflight < 0 || c.MaxCrashes < 0 {
		v.Add("Config", "PingMisses, Inflight and MaxCrashes must not be negative")
	}
	return v.Err()
}

func executable(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// environment is all the process sees besides what go-plugin adds for the handshake.
func (c *Config) environment(private string) []string {
	env := []string{"TMPDIR=" + private, "HOME=" + private}
	if runtime.GOOS == "windows" {
		env = append(env, "TMP="+private, "TEMP="+private, "SystemRoot="+os.Getenv("SystemRoot"))
	}
	for _, name := range c.PassEnv {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return slices.Concat(env, c.Env)
}
