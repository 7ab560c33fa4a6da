// Command packer-plugin-rehydrate is the Packer plugin "rehydrate": the provisioner
// rehydrate-patch and the post-processor rehydrate-manifest.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/packer-plugin-sdk/plugin"
	"github.com/hashicorp/packer-plugin-sdk/version"

	"github.com/goldenami/rehydrate/plugins/postprocessor"
	"github.com/goldenami/rehydrate/plugins/provisioner"
)

// release is the plugin's version. It carries no "-dev": `packer init` looks past
// development builds and asks the network.
const release = "0.1.0"

func main() {
	set := plugin.NewSet()
	set.SetVersion(version.NewPluginVersion(release, "", ""))
	set.RegisterProvisioner("patch", new(provisioner.Provisioner))
	set.RegisterPostProcessor("manifest", new(postprocessor.PostProcessor))
	if err := set.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
