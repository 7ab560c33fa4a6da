package roots

const twinForTest = "twin-for-test"

func twinMain([]string) int { return 2 }
