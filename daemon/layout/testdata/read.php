<?php
// Reads lines of ["unserialize" or "json_encode", data in base64], and answers what PHP makes of each, in base64.
while (($line = fgets(STDIN)) !== false) {
    [$what, $data] = json_decode($line);
    $data = base64_decode($data);
    if ($what === 'json_encode') {
        $answer = [json_encode($data), ''];
    } else {
        $value = unserialize($data, ['allowed_classes' => false]);
        $answer = [serialize($value), json_encode($value, JSON_UNESCAPED_SLASHES)];
    }
    echo json_encode(array_map('base64_encode', $answer)), "\n";
}
