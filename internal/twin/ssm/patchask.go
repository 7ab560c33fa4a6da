package ssm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ask has the node do what a request says. The report may hold something even when
// there is an error.
func (r *patchRun) ask(ctx context.Context, q record.NodeRequest) (record.NodeReport, error) {
	q.Now = r.began
	if r.s.Machines.IsModelled(r.p.Instance) {
		return r.s.Machines.Patch(ctx, r.p.Instance, q)
	}
	return r.askRoot(ctx, q)
}

// askRoot runs rehydrate-node in a real root, where the package manager is real and
// reads the wall's clock.
func (r *patchRun) askRoot(ctx context.Context, q record.NodeRequest) (record.NodeReport, error) {
	folder := path.Join(path.Dir(r.folder), "awsrunShellScript", "PatchLinux")
	program := path.Join(folder, "rehydrate-node")
	if err := r.bring(ctx, program); err != nil {
		return record.NodeReport{}, err
	}
	text, err := json.Marshal(q)
	if err != nil {
		return record.NodeReport{}, fmt.Errorf("write the request: %w", err)
	}
	request := path.Join(folder, "request.json")
	if err := r.s.Machines.Put(ctx, r.p.Instance, request, 0o600, bytes.NewReader(text)); err != nil {
		return record.NodeReport{}, fmt.Errorf("bring the request: %w", err)
	}
	var out, errs bounded
	code, err := r.s.Machines.Run(ctx, r.p.Instance, backing.Command{Args: []string{program, "run", "--request", request}, Dir: "/", Stdout: &out, Stderr: &errs})
	if err != nil {
		return record.NodeReport{}, err
	}
	var rep record.NodeReport
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
		return rep, fmt.Errorf("exit status %d and no report: %s", code, cut(errs.Bytes(), maxStderr))
	}
	if code != 0 {
		return rep, errors.New(orElse(rep.Error, fmt.Sprintf("exit status %d: %s", code, cut(errs.Bytes(), maxStderr))))
	}
	return rep, nil
}

// bring puts the program into the root, once a run.
func (r *patchRun) bring(ctx context.Context, to string) error {
	if r.brought {
		return nil
	}
	if r.s.Payload == nil {
		return errors.New("this twin was given no rehydrate-node to patch real roots with")
	}
	arch := ""
	err := r.tx(func(tx *world.Tx) error {
		i, _ := r.s.EC2.InstanceByID(tx, r.p.Instance)
		arch = i.Architecture
		return nil
	})
	if err != nil {
		return err
	}
	name, err := r.s.Payload(arch)
	if err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("bring rehydrate-node: %w", err)
	}
	defer f.Close()
	if err := r.s.Machines.Put(ctx, r.p.Instance, to, 0o755, f); err != nil {
		return fmt.Errorf("bring rehydrate-node: %w", err)
	}
	r.brought = true
	return nil
}
