package vertical_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/examples/exhibition/vertical"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/pluginhost"
	"github.com/rapport-crm/rapport/plugin/plugintest"
)

// each runs a test with the extension in process and with the plugin process.
func each(t *testing.T, test func(t *testing.T, h *plugintest.Host)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		test(t, plugintest.NewHost(t, vertical.Extension()))
	})
	t.Run("process", func(t *testing.T) {
		t.Parallel()
		test(t, plugintest.NewHost(t, open(t)))
	})
}

// binary is built once per test process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := filepath.Abs("../../../.bin")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "exhibition-plugin-under-test")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/exhibition-plugin").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func open(t *testing.T) *pluginhost.Process {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	sum, err := pluginhost.Checksum(path)
	require.NoError(t, err)
	p, err := pluginhost.Open(t.Context(), pluginhost.Config{
		Command: []string{path}, SHA256: sum, ManifestSHA256: vertical.Extension().Manifest().Digest(),
		BackoffMin: time.Millisecond, WaitReady: 20 * time.Second,
	})
	require.NoError(t, err)
	return p
}

func buyer(h *plugintest.Host, name string) ident.Ref {
	return h.Add("customer", map[string]plugin.Field{"name": {Class: personal.Name, Value: rule.Text(name)}})
}

func sell(t *testing.T, h *plugintest.Host, booth string, to ident.Ref) (plugin.Values, error) {
	t.Helper()
	return h.Invoke(t.Context(), vertical.SellBooth, map[string]any{"exhibition": "Spring 2027", "booth": booth, "buyer": to.ID})
}

func TestBoothIsSoldOnce(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, h *plugintest.Host) {
		acme, rival := buyer(h, "ACME"), buyer(h, "Rival")
		sold, err := sell(t, h, "A-12", acme)
		require.NoError(t, err)
		require.Equal(t, "A-12", sold.Text("booth"))

		_, err = sell(t, h, " a-12 ", rival)
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, fault.Conflict, f.Code)
		require.Equal(t, "taken", f.Reason)
		require.Equal(t, "exh.booth/SPRING 2027/A-12", f.Field)

		again, err := sell(t, h, "A-12", acme)
		require.NoError(t, err)
		require.Equal(t, sold.ID("claim"), again.ID("claim"))

		require.NoError(t, h.Drain(t.Context()))
		require.Len(t, h.Emitted(), 1)
		require.Len(t, h.Interactions(), 1)
		require.Equal(t, acme.ID, h.Interactions()[0].Customer)
		require.Equal(t, "booth A-12 confirmed", h.Interactions()[0].Subject)
		for _, d := range h.Disclosed() {
			require.Empty(t, d.Fields, "a sale needs no name")
		}
	})
}

func TestManyBuyersOneBooth(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, h *plugintest.Host) {
		results := make(chan error, 20)
		for i := range cap(results) {
			to := buyer(h, fmt.Sprint("buyer ", i))
			go func() {
				_, err := h.Invoke(context.Background(), vertical.SellBooth,
					map[string]any{"exhibition": "S", "booth": "B1", "buyer": to.ID})
				results <- err
			}()
		}
		sold := 0
		for range cap(results) {
			if err := <-results; err == nil {
				sold++
			} else {
				require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
			}
		}
		require.Equal(t, 1, sold)
		require.NoError(t, h.Drain(t.Context()))
		require.Len(t, h.Interactions(), 1)
	})
}

func TestImpatientBuyerBuysOnce(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, h *plugintest.Host) {
		acme := buyer(h, "ACME")
		results := make(chan error, 20)
		for range cap(results) {
			go func() {
				_, err := h.Invoke(context.Background(), vertical.SellBooth,
					map[string]any{"exhibition": "S", "booth": "B1", "buyer": acme.ID})
				results <- err
			}()
		}
		for range cap(results) {
			require.NoError(t, <-results)
		}
		require.NoError(t, h.Drain(t.Context()))
		require.Len(t, h.Interactions(), 1)
	})
}

func TestBadInputIsRefused(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, h *plugintest.Host) {
		acme := buyer(h, "ACME")
		_, err := sell(t, h, "A/12", acme)
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = sell(t, h, "A-12", ident.Ref{ID: ident.New()})
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = h.Invoke(t.Context(), vertical.SellBooth, map[string]any{"booth": 12})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.Empty(t, h.Emitted())
	})
}

func TestPendingSaleIsConfirmedAfterAKill(t *testing.T) {
	t.Parallel()

	p := open(t)
	h := plugintest.NewHost(t, p)
	_, err := sell(t, h, "A-12", buyer(h, "ACME"))
	require.NoError(t, err)
	require.Equal(t, 1, h.Pending())
	before := p.PID()
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	require.Eventually(t, func() bool { return h.Drain(t.Context()) == nil }, 20*time.Second, 5*time.Millisecond)
	require.Len(t, h.Interactions(), 1)
	require.NotEqual(t, before, p.PID())
}
