<?php
// Clients of daemon/e2e/sdk: php main.php symfony|laravel. EasyWeChat cannot be installed from Debian; the caches on
// which it keeps its tokens can, and they are what decides whether a value is read.

error_reporting(E_ALL);
ini_set('display_errors', 'stderr');
require __DIR__ . '/caches.php';
require __DIR__ . '/easywechat.php';

$cache = $argv[1] === 'laravel' ? laravel(getenv('REDIS_URL')) : symfony(getenv('REDIS_URL'));
$app = new EasyWeChat($cache, getenv('MODE'), getenv('APPID'), getenv('SECRET'), getenv('WECHAT_URL'));
while (($command = fgets(STDIN)) !== false) {
    try {
        $answer = $app->{trim($command)}();
    } catch (Throwable $e) {
        $answer = ['error' => get_class($e) . ': ' . $e->getMessage()];
    }
    echo json_encode((object) $answer), "\n";
}
