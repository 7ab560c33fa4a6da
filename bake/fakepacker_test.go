//go:build unix

package bake

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/goldenami/rehydrate/internal/record"
)

// fakeTemplate is what the fake Packer reads of a rendered template.
type fakeTemplate struct {
	Source struct {
		EBS struct {
			Candidate struct {
				Name    string            `json:"ami_name"`
				RunTags map[string]string `json:"run_tags"`
				Tags    map[string]string `json:"tags"`
			} `json:"candidate"`
		} `json:"amazon-ebs"`
	} `json:"source"`
	Build struct {
		Provisioner []struct {
			Patch struct {
				Report string `json:"report_file"`
				Lock   string `json:"lock_out"`
				Bundle string `json:"bundle_out"`
			} `json:"rehydrate-patch"`
		} `json:"provisioner"`
		Post []struct {
			Manifest struct {
				Output string `json:"output"`
			} `json:"rehydrate-manifest"`
		} `json:"post-processor"`
	} `json:"build"`
}

// errInterrupted ends the fake Packer as ^C ends the real one.
var errInterrupted = errors.New("Cancelled")

// fakePacker stands in for Packer: a wrapper that starts a child that does the work
// on a cloud, step by step, and cleans up when it is interrupted.
func fakePacker(scenario string, args []string) error {
	switch args[0] {
	case "version":
		fmt.Println("Packer v1.99.0")
		return nil
	case "wait": // the plugin process: it ignores interrupts, as real ones do
		signal.Ignore(os.Interrupt, syscall.SIGTERM)
		time.Sleep(time.Minute)
		return nil
	case "build":
		if os.Getenv("BAKE_FAKE_CHILD") == "" {
			return fakeWrapper(args)
		}
		return fakeBuild(scenario, args[len(args)-1])
	}
	return fmt.Errorf("unknown command %q", args[0])
}

func fakeWrapper(args []string) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "BAKE_FAKE_CHILD=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{os.Stdin, os.Stdout, os.Stderr} // as Packer's wrapper does
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		for s := range signals {
			if s == syscall.SIGTERM {
				_ = cmd.Process.Signal(s)
			}
		}
	}()
	if err := cmd.Wait(); err != nil {
		os.Exit(cmd.ProcessState.ExitCode())
	}
	return nil
}

func fakeBuild(scenario, file string) error {
	var t fakeTemplate
	if err := readJSON(file, &t); err != nil {
		return err
	}
	c := cloud{os.Getenv("BAKE_FAKE_CLOUD")}
	stop := make(chan os.Signal, 1)
	if scenario == "stubborn" {
		signal.Ignore(os.Interrupt, syscall.SIGTERM)
	} else {
		signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	}
	plugin := exec.Command(os.Args[0], "wait")
	if err := plugin.Start(); err != nil {
		return err
	}
	defer plugin.Process.Kill()

	src := t.Source.EBS.Candidate
	unique := fmt.Sprint(os.Getpid())
	var made []string
	interrupted := false
	pause := func(say string) error {
		fmt.Println("==> amazon-ebs.candidate: " + say)
		d := 15 * time.Millisecond
		if scenario == "stubborn" || scenario == "slow" {
			d = time.Minute
		}
		select {
		case <-stop:
			interrupted = true
			return errInterrupted
		case <-time.After(d):
			return nil
		}
	}
	create := func(kind ResourceKind, id string, r thing) error {
		if interrupted {
			return nil
		}
		r.Kind, r.ID = kind, id+"-"+unique
		if r.Tags == nil {
			r.Tags = src.RunTags
		}
		made = append(made, r.ID)
		return errors.Join(c.put(r), pause("made "+r.ID))
	}
	cleanup := func(err error) error {
		for i := len(made) - 1; i >= 0; i-- {
			os.Remove(c.file(made[i]))
		}
		if err != nil {
			err = fmt.Errorf("Build 'amazon-ebs.candidate' errored after 1 second: %w", err)
		}
		return err
	}
	fmt.Println("the secret is " + os.Getenv("AWS_SECRET_ACCESS_KEY"))
	if err := errors.Join(create(KindKeyPair, "key", thing{}), create(KindSecurityGroup, "sg", thing{}),
		create(KindInstance, "i", thing{Resource: Resource{State: "running"}}), create(KindVolume, "vol", thing{})); err != nil {
		return cleanup(err)
	}
	if err := fakeProvision(scenario, t); err != nil {
		return cleanup(err)
	}
	if err := pause("provisioned"); err != nil {
		return cleanup(err)
	}
	kept := len(made)
	snap := "snap-" + unique
	image := thing{Resource: Resource{State: ImagePending}, Name: src.Name, Snapshots: []string{snap}, CreatedAt: time.Now().UTC()}
	if err := errors.Join(create(KindSnapshot, "snap", thing{}), create(KindImage, "ami", image)); err != nil {
		return cleanup(err)
	}
	image.Kind, image.ID, image.State, image.Tags = KindImage, "ami-"+unique, ImageAvailable, src.RunTags
	if err := errors.Join(c.put(image), pause("image available")); err != nil {
		return cleanup(err)
	}
	made = made[:kept]
	if err := cleanup(nil); err != nil {
		return err
	}
	return writeJSON(t.Build.Post[0].Manifest.Output, map[string]any{"schema": 1})
}

// fakeProvision writes what the provisioner brings back.
func fakeProvision(scenario string, t fakeTemplate) error {
	out := t.Build.Provisioner[0].Patch
	report := record.NodeReport{Schema: record.NodeSchema, Operation: "Install"}
	switch scenario {
	case "fails":
		report.Error = "apt-get: no space left on device"
	case "nothing":
		report.Skipped = true
	}
	if report.Error != "" || report.Skipped {
		if err := writeJSON(out.Report, report); err != nil {
			return err
		}
		return errors.New("rehydrate-patch: " + report.Error)
	}
	report.Lock = testLock()
	report.LockDigest = report.Lock.Digest()
	report.Changes = []record.Change{{Name: "hello", From: "1", To: "2"}}
	if err := os.MkdirAll(out.Bundle, 0o755); err != nil {
		return err
	}
	body := testPackage
	if scenario == "tampered" {
		body = "another file"
	}
	return errors.Join(
		os.WriteFile(filepath.Join(out.Bundle, report.Lock.Packages[0].SHA256), []byte(body), 0o644),
		writeFile(out.Lock, report.Lock.Canonical()),
		writeJSON(out.Report, report),
	)
}
