package demo

// Periods are those of the demo's WeChat.
var Periods = periods
