package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
)

// pastFlags are what the commands that look at earlier runs take. The configuration
// may name a bucket that holds them.
func pastFlags() []cli.Flag {
	return []cli.Flag{stateFlag, configFlag, regionFlag, twinFlag, worldFlag, setFlag, outputFlag}
}

// openPast is the state folder, with the runs of the journal's bucket if the
// configuration names one. Without a configuration the folder stands alone; one that is
// wrong does not hide what the folder holds, unless it was asked for.
func openPast(c *cli.Context) (app.State, error) {
	state, err := app.OpenState(c.String("state"))
	if err != nil {
		return state, err
	}
	if _, err := os.Stat(c.String("config")); errors.Is(err, fs.ErrNotExist) && !c.IsSet("config") {
		return state, nil
	}
	s := &setup{state: state}
	if s.cfg, err = config.Load(c.String("config")); err != nil {
		if c.IsSet("config") {
			return state, err
		}
		fmt.Fprintf(c.App.ErrWriter, "%s is wrong, so only the runs in %s are shown; see: rehydrate config check\n", c.String("config"), c.String("state"))
		return state, nil
	}
	if s.cfg.Journal.Bucket == "" {
		return state, nil
	}
	if s.cloud, err = openCloud(c, s); err != nil {
		return state, err
	}
	return state.Share(s.cloud, s.cfg.Journal), nil
}
