package sip

// Probes lets tests say what came of OPTIONS.
type Probes struct{ *registrar }

// Registrar is that of the server.
func (s *Server) Registrar() Probes { return Probes{s.registrar} }

// LoseProbe is as if the binding at this place of a phone's had not answered.
func (p Probes) LoseProbe(extension string, at int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bindings[extension][at].health.lost++
}
