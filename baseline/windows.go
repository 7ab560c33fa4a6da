package baseline

func (p *pass) scanWindows() *Result { return &Result{} }
